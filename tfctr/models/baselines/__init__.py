"""The models that every method is measured against."""
