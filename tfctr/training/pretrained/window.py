"""Spans of time that tables and rankers learn from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfctr.errors import InputError

__all__ = ["Window", "check_windows"]


@dataclass(frozen=True)
class Window:
    """A span of time, `end` not in it.

    Args:
        start: Unix seconds.
        end: Unix seconds.

    >>> Window.of([20, 10, 30])
    Window(start=10, end=31)
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise InputError(
                "window", received=f"{self.start} to {self.end}", expected="a span"
            )

    @classmethod
    def of(cls, times: Any) -> "Window":
        """The shortest one that holds all of some times.

        Args:
            times: Unix seconds; a missing time is below 0.
        """
        found = np.asarray(times)
        found = found[found >= 0]
        if not found.size:
            raise InputError("times", received="none", expected="at least one time")
        return cls(int(found.min()), int(found.max()) + 1)

    @classmethod
    def around(cls, windows: Iterable["Window"]) -> "Window":
        """The shortest one that holds all of some windows.

        Args:
            windows: At least one.
        """
        found = list(windows)
        return cls(min(w.start for w in found), max(w.end for w in found))


def check_windows(
    pretraining: Window, ranking: Window | None, *, allow_overlap: bool
) -> None:
    """Refuses tables that were not learnt before what the ranker learns from.

    Args:
        pretraining: What the tables were learnt from.
        ranking: What the ranker is trained on, if known.
        allow_overlap: Whether any windows are allowed.
    """
    if allow_overlap:
        return
    if ranking is None:
        raise InputError(
            "ranker_window",
            received=None,
            expected="the times of the ranker's training data",
            hint="Without them nobody knows whether they overlap the tables' window.",
        )
    if pretraining.end <= ranking.start:
        return
    is_later = pretraining.start >= ranking.end
    reason = (
        "Such tables know what came after the ranker's data, as no served model can."
        if is_later
        else "Products of vectors learnt from the ranker's own positives give its "
        "labels away: it trusts them, and fails on what is new."
    )
    raise InputError(
        "ranker_window",
        received=f"{ranking} and tables learnt from {pretraining}",
        expected="tables learnt from what came before",
        hint=f"{reason} Pass allow_overlap=True to load them all the same.",
    )
