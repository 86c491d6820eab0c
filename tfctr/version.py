"""The version of the distribution; `setup.py` and the changelog check read it here."""

__version__ = "0.1.0"
