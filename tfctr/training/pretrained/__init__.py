"""Tables of ids that were learnt before: written, read, put into any model."""

from tfctr.training.pretrained.artifact import (
    PretrainedTables,
    read_pretrained,
    write_pretrained,
)
from tfctr.training.pretrained.loading import LoadedTables, load_pretrained
from tfctr.training.pretrained.positives import Positives, read_positives
from tfctr.training.pretrained.window import Window

__all__ = [
    "LoadedTables",
    "Positives",
    "PretrainedTables",
    "Window",
    "load_pretrained",
    "read_positives",
    "read_pretrained",
    "write_pretrained",
]
