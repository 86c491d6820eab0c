"""Negative sampling that gives the same items in every process."""

import bisect
import hashlib
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfctr.data.behaviour import BehaviourSpec

__all__ = ["sample_negatives", "user_negatives"]


def sample_negatives(
    seed: int | str,
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


def user_negatives(
    spec: "BehaviourSpec",
    user: str | int,
    times: Sequence[int],
    items: Sequence[Any],
    positive: Sequence[bool],
    candidates: Callable[[int], Sequence[Any]],
) -> Iterator[list[Any]]:
    """Draws the negatives of one user's events, one list for each event.

    Args:
        spec: Says how many items are drawn, and which ones may be.
        user: The user.
        times: Times of the events, sorted.
        items: Their items.
        positive: Whether an event is positive; only such ones get negatives.
        candidates: From a time to the items to draw from, sorted.

    Yields:
        First the user's own earlier items, then those of `candidates`.
    """
    own: list[Any] = []  # sorted distinct items that a request knows
    seen: set[Any] = set()  # items up to and including this time
    now: set[Any] = set()  # items at this very time
    ahead = known = 0
    for place, time in enumerate(times):
        if ahead == place:
            while ahead < len(times) and times[ahead] == time:
                ahead += 1
            now = set(items[place:ahead])
            seen |= now
        while times[known] < time - spec.history_lag_seconds:
            at = bisect.bisect_left(own, items[known])
            if own[at : at + 1] != [items[known]]:
                own.insert(at, items[known])
            known += 1
        if not positive[place]:
            yield []
            continue
        key = (user, time, items[place])
        number = spec.repeat_negatives_per_positive
        again = sample_negatives(f"{spec.seed}/repeat", *key, own, now, number)
        out = seen if spec.negatives_exclude == "seen" else now.union(again)
        number = spec.negatives_per_positive
        pool = candidates(time) if number else ()
        yield again + sample_negatives(spec.seed, *key, pool, out, number)
