"""Towers and gates of models with several tasks."""
