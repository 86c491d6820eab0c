"""Hierarchical ensembles of interaction modules (DHEN)."""
