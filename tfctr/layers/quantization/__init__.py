"""Layers that replace vectors by few codes."""
