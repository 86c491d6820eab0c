"""Negative sampling that gives the same items in every process."""

import hashlib
from collections.abc import Container, Iterator, Sequence
from typing import Any

__all__ = ["sample_negatives"]


def sample_negatives(
    seed: int,
    user: str | int,
    time: int,
    item: str | int,
    candidates: Sequence[Any],
    seen: Container[Any],
    count: int,
) -> list[Any]:
    """Draws items for one positive event: a pure function of its arguments.

    Args:
        seed: Seed of the data set.
        user: The event's user.
        time: The event's time.
        item: The event's item.
        candidates: Distinct items to draw from, sorted; the result depends on order.
        seen: Items with an event of the user up to and including `time`.
        count: Number of items wanted.

    Returns:
        `count` distinct items outside `seen`, all sets of them equally likely; fewer
        where there are no more. Expected cost `O(count)` while most are unseen.

    >>> sample_negatives(0, "u", 7, "a", ["a", "b"], {"a"}, 2)
    ['b']
    """
    if count < 1 or not len(candidates):
        return []
    chosen: dict[Any, None] = {}
    draws = _draws(f"{seed}\x1f{user}\x1f{int(time)}\x1f{item}")
    for _ in range(8 * count + 32):
        candidate = candidates[next(draws) * len(candidates) >> 64]
        if candidate not in seen:
            chosen[candidate] = None
            if len(chosen) == count:
                return list(chosen)
    rest = [c for c in candidates if c not in seen and c not in chosen]
    while rest and len(chosen) < count:
        chosen[rest.pop(next(draws) * len(rest) >> 64)] = None
    return list(chosen)


def _draws(key: str) -> Iterator[int]:
    """Endless uniform 64-bit numbers that depend on `key` alone."""
    counter = 0
    while True:
        block = hashlib.blake2b(f"{key}\x1f{counter}".encode()).digest()
        for start in range(0, len(block), 8):
            yield int.from_bytes(block[start : start + 8], "little")
        counter += 1
