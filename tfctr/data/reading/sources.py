"""What every kind of file offers the reader: numbered blocks of encoded rows."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from tfctr.data.cells import Array

__all__ = ["ROWS_PER_BLOCK", "Examples", "Source"]

# Rows of a block where the format does not come in blocks.
ROWS_PER_BLOCK = 16_384

# `(x, y)` or `(x, y, w)`: encoded arrays by name, rows first.
Examples: TypeAlias = tuple[Mapping[str, Array], ...]


class Source(Protocol):
    """A file, opened and checked as far as that goes without reading all of it.

    Attributes:
        name: Path of the file, for error texts.
        identity: What tells it from other data, wherever it lies: JSON-ready.
        rows: Rows of each block.
        is_sequential: Whether block k costs reading all blocks before it.
    """

    name: str
    identity: list[str | int]
    rows: tuple[int, ...]
    is_sequential: bool

    def read(self, block: int) -> Examples:
        """Encoded rows of a block.

        Raises:
            InputError: They are damaged or not what the schema declares.
        """
