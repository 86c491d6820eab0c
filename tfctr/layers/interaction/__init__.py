"""Layers of kind: interaction."""
