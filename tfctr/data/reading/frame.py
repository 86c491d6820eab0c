"""Blocks of arrays in memory, or of a frame that is encoded once."""

import zlib
from typing import TYPE_CHECKING

import pandas as pd

from tfctr.data.batches import encode_frame
from tfctr.data.reading.sources import ROWS_PER_BLOCK, Examples
from tfctr.features.packing import pack

if TYPE_CHECKING:
    from tfctr.features import SchemaState

__all__ = ["ArraySource", "FrameSource"]


class ArraySource:
    """Encoded examples in memory.

    Args:
        examples: `(x,)`, `(x, y)` or `(x, y, w)`: arrays by name, rows first.
    """

    name = "the arrays"
    is_sequential = False

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        count = len(next(iter(examples[0].values())))
        full, rest = divmod(count, ROWS_PER_BLOCK)
        self.rows = (*[ROWS_PER_BLOCK] * full, *([rest] if rest else []))
        checksum = 0
        for part in examples:
            for name in sorted(part):
                checksum = zlib.crc32(part[name].tobytes(), checksum)
        self.identity: list[str | int] = ["frame", checksum, count]

    def read(self, block: int) -> Examples:
        start = block * ROWS_PER_BLOCK
        rows = slice(start, start + self.rows[block])
        return tuple(
            {name: values[rows] for name, values in part.items()}
            for part in self._examples
        )


class FrameSource(ArraySource):
    """A frame of raw examples, encoded when it is opened.

    Args:
        frame: Raw examples, with the schema's columns and labels.
        state: What was learnt.
        packed: Whether to put the columns of one dtype side by side.
    """

    name = "the frame"

    def __init__(self, frame: pd.DataFrame, state: "SchemaState", packed: bool) -> None:
        examples = encode_frame(frame, state)
        if packed:
            examples = (pack(state.schema, examples[0]), *examples[1:])
        super().__init__(examples)
