"""Layers of kind: sequence."""
