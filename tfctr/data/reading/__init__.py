"""Streaming readers: more examples than memory holds, in a reproducible order."""

from tfctr.data.reading.opening import read_examples, write_encoded
from tfctr.data.reading.reader import ExampleReader

__all__ = ["ExampleReader", "read_examples", "write_encoded"]
