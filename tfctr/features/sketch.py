"""Counting of ids in memory that does not grow with their number."""

import numpy as np

__all__ = ["CountMinSketch"]


class CountMinSketch:
    """Counts that are never too low, and too high by little and seldom.

    `depth` rows of `width` counters; an id has one counter in each, and its count is
    the least of them. Updates are conservative: no counter rises above what its id
    needs. After `n` sightings a count is too high by more than `e * n / width` with
    a chance below `exp(-depth)`.

    Args:
        width: Counters in a row.
        depth: Number of rows.

    Source: Cormode & Muthukrishnan, 2005; conservative update: Estan & Varghese, 2002.
    """

    def __init__(self, width: int, depth: int = 4) -> None:
        self.counters = np.zeros((depth, width), np.uint32)

    def count(self, hashes: np.ndarray) -> np.ndarray:
        """Counts of ids by their 63-bit hashes."""
        return np.asarray(self._found(self._places(hashes)).min(axis=0), np.int64)

    def add(self, hashes: np.ndarray, counts: np.ndarray) -> None:
        """Adds sightings.

        Args:
            hashes: 63-bit hashes of distinct ids.
            counts: How often each was seen.
        """
        places = self._places(hashes)
        raised = self._found(places).min(axis=0).astype(np.int64) + counts
        raised = np.minimum(raised, np.iinfo(np.uint32).max).astype(np.uint32)
        for row, columns in zip(self.counters, places, strict=True):
            np.maximum.at(row, columns, raised)

    def clear(self) -> None:
        """Forgets everything."""
        self.counters[:] = 0

    def _places(self, hashes: np.ndarray) -> np.ndarray:
        # All rows from two halves of one hash: Kirsch & Mitzenmacher, 2006.
        low, high = hashes & 0xFFFFFFFF, (hashes >> 32) | 1
        rows = np.arange(len(self.counters), dtype=np.int64)[:, None]
        return np.asarray((low + rows * high) % self.counters.shape[1])

    def _found(self, places: np.ndarray) -> np.ndarray:
        return np.take_along_axis(self.counters, places, axis=1)
