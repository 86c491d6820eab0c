"""Metrics of whole arrays, exact and in float64."""
