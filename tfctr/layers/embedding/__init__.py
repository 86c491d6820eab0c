"""Layers of kind: embedding."""
