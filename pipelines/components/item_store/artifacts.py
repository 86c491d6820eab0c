"""Artifact type of encoded items."""

from tfx.types import artifact

__all__ = ["EncodedItems"]


class EncodedItems(artifact.Artifact):
    """All items of a deployment: `items-*.npz`, one file a batch, in order."""

    TYPE_NAME = "EncodedItems"
