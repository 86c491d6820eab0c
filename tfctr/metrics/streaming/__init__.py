"""Keras metrics, fed batch by batch."""
