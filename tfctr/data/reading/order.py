"""Which rows stand in which batch: arithmetic on a seed and an epoch, no reading."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tfctr.data.cells import Array
from tfctr.errors import InputError

__all__ = ["BatchOrder", "Window"]

# Rows that are read at once where no shuffling asks for more.
ROWS_READ_AHEAD = 16_384
# First numbers of the seeds of the two kinds of permutation.
BLOCKS, ROWS = 1, 2


@dataclass(frozen=True)
class Window:
    """Rows that are in memory together.

    Attributes:
        parts: Block, first row and end row of each piece, in reading order.
        rows: Order in which the rows of all pieces are given out.
        batches: Begin and end of each batch in `rows`.
    """

    parts: tuple[tuple[int, int, int], ...]
    rows: Array
    batches: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class BatchOrder:
    """The order of one worker's examples in any epoch.

    An epoch permutes the units (blocks of rows; whole files where a file can only be
    read from its beginning), cuts the resulting row of examples into equal stretches,
    one a worker, and permutes rows within windows of a stretch. All of it follows
    from the seed and the epoch.

    Args:
        units: Rows of each block, by unit. Blocks are numbered through.
        batch_size: Examples in a batch.
        shuffle: Whether anything is permuted.
        seed: Seed of all permutations.
        shuffle_rows: Rows of a window, rounded up to whole batches.
        num_shards: Number of workers.
        shard_index: Which of them this is.
        drop_remainder: Leaves out what does not fill a batch on every worker.

    >>> order = BatchOrder(((3, 3), (4,)), 4, shuffle=False)
    >>> [window.batches for window in order.windows(0)]
    [((0, 4), (4, 8), (8, 10))]
    """

    units: tuple[tuple[int, ...], ...]
    batch_size: int
    shuffle: bool = True
    seed: int = 0
    shuffle_rows: int = 262_144
    num_shards: int = 1
    shard_index: int = 0
    drop_remainder: bool = False

    def __post_init__(self) -> None:
        for name in ("batch_size", "shuffle_rows", "num_shards"):
            if getattr(self, name) < 1:
                received = getattr(self, name)
                raise InputError(name, received=received, expected="at least 1")
        if self.seed < 0:
            raise InputError("seed", received=self.seed, expected="at least 0")
        if not 0 <= self.shard_index < self.num_shards:
            raise InputError(
                "shard_index",
                received=self.shard_index,
                expected=f"0 to {self.num_shards - 1}, for {self.num_shards} shards",
            )
        if self._least_rows < self.num_batches or not self.num_batches:
            raise InputError(
                "num_shards",
                received=f"{self.num_shards} shards and batches of {self.batch_size}",
                expected=f"enough rows for every shard; there are {self.total_rows}",
            )

    @functools.cached_property
    def total_rows(self) -> int:
        """Rows of all shards."""
        return sum(map(sum, self.units))

    @property
    def num_rows(self) -> int:
        """Rows of this shard in an epoch."""
        start, stop = self._stretch
        return stop - start

    @property
    def num_batches(self) -> int:
        """Batches of an epoch: as many on every shard."""
        if self.drop_remainder:
            return self.total_rows // (self.num_shards * self.batch_size)
        most_rows = -(-self.total_rows // self.num_shards)
        return -(-most_rows // self.batch_size)

    def windows(self, epoch: int, batch: int = 0) -> Iterator[Window]:
        """Windows of an epoch, from the one that holds `batch` on."""
        blocks, ends = self._blocks(epoch)
        wanted = self.shuffle_rows if self.shuffle else ROWS_READ_AHEAD
        step = -(-wanted // self.batch_size)  # batches of a window
        for number in range(batch // step, -(-self.num_batches // step)):
            last = min((number + 1) * step, self.num_batches)
            bounds = [self._begin(k) for k in range(number * step, last + 1)]
            first_row, count = bounds[0], bounds[-1] - bounds[0]
            offset = self._stretch[0] + first_row
            rows = np.arange(count)
            if self.shuffle:
                seeds = (ROWS, self.seed, epoch, self.shard_index, number)
                rows = np.random.default_rng(seeds).permutation(count)
            begins = [bound - first_row for bound in bounds]
            yield Window(
                tuple(_parts(blocks, ends, offset, offset + count)),
                rows,
                tuple(itertools.pairwise(begins)),
            )

    def first_batch(self, batch: int) -> int:
        """The first batch of the window that holds `batch`."""
        wanted = self.shuffle_rows if self.shuffle else ROWS_READ_AHEAD
        step = -(-wanted // self.batch_size)
        return batch // step * step

    @property
    def _stretch(self) -> tuple[int, int]:
        """Where this shard begins and ends in the permuted row of examples."""
        if self.drop_remainder:
            size = self.num_batches * self.batch_size
            return self.shard_index * size, (self.shard_index + 1) * size
        return (
            self.total_rows * self.shard_index // self.num_shards,
            self.total_rows * (self.shard_index + 1) // self.num_shards,
        )

    @property
    def _least_rows(self) -> int:
        return self.total_rows // self.num_shards

    def _begin(self, batch: int) -> int:
        """First row of a batch.

        Shards differ by one row at most. Where that row would make a batch of its own
        on some shards only, the others shorten earlier batches by one for theirs.
        """
        remaining = self.num_batches - batch
        return min(batch * self.batch_size, self.num_rows - remaining)

    def _blocks(self, epoch: int) -> tuple[list[tuple[int, int]], Array]:
        """Number and rows of each block in the epoch's order, and where each ends."""
        numbers = iter(range(sum(map(len, self.units))))
        units = [[(next(numbers), rows) for rows in unit] for unit in self.units]
        order = np.arange(len(units))
        if self.shuffle:
            seeds = (BLOCKS, self.seed, epoch)
            order = np.random.default_rng(seeds).permutation(len(units))
        blocks = [block for place in order for block in units[place]]
        return blocks, np.cumsum([rows for _, rows in blocks])


def _parts(
    blocks: list[tuple[int, int]], ends: Array, start: int, stop: int
) -> Iterator[tuple[int, int, int]]:
    """The pieces of blocks that cover rows `start` to `stop`."""
    place = int(np.searchsorted(ends, start, side="right"))
    while start < stop:
        number, rows = blocks[place]
        begin = int(ends[place]) - rows
        end = min(stop, begin + rows)
        yield number, start - begin, end - begin
        start, place = end, place + 1
