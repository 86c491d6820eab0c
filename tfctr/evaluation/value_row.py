"""All metrics of one label that is a value."""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.errors import InputError

__all__ = ["ValueRow"]


@dataclass(frozen=True)
class ValueRow:
    """Metrics of values and of what was expected of them; NaN where not defined.

    Attributes:
        count: Number of examples that have weight.
        positives: Number of those whose value is not 0.
        mean_value: Mean of the values.
        value_ratio: Sum of what was expected over that of the values.
        mean_value_error: Mean distance of the two.
        normalized_gini: How well the order of what was expected gathers the values: 1
            for their own order, about 0 for any.
    """

    count: int
    positives: int
    mean_value: float
    value_ratio: float
    mean_value_error: float
    normalized_gini: float

    @classmethod
    def measure(
        cls, values: ArrayLike, expected: ArrayLike, weights: ArrayLike | None = None
    ) -> "ValueRow":
        """Computes all metrics.

        Args:
            values: `(examples,)` numbers of at least 0.
            expected: `(examples,)` predictions, likewise.
            weights: `(examples,)` weights of at least 0; what has none does not count.

        Returns:
            The row.

        Raises:
            InputError: An array is too short, or a number is negative or NaN.
        """
        y = np.asarray(values, "float64").reshape(-1)
        p = _read("expected", expected, len(y))
        w = np.ones(len(y)) if weights is None else _read("weights", weights, len(y))
        y, p, w = y[w > 0], p[w > 0], w[w > 0]
        for name, column in (("values", y), ("expected", p)):
            if not (np.isfinite(column) & (column >= 0)).all():
                raise InputError(
                    name,
                    received="a number below 0, infinite or NaN",
                    expected="numbers of at least 0",
                )
        total = float((w * y).sum())
        own = _gini(y, y, w)
        return cls(
            count=len(y),
            positives=int((y > 0).sum()),
            mean_value=total / w.sum() if len(y) else math.nan,
            value_ratio=float((w * p).sum()) / total if total else math.nan,
            mean_value_error=(
                float(np.average(np.abs(p - y), weights=w)) if len(y) else math.nan
            ),
            normalized_gini=_gini(y, p, w) / own if own else math.nan,
        )

    def to_dict(self) -> dict[str, float | int | None]:
        """Values by name, ready for JSON: what is not defined is `None`."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }


def _read(name: str, column: ArrayLike, size: int) -> NDArray[np.float64]:
    found = np.asarray(column, "float64").reshape(-1)
    if len(found) != size:
        raise InputError(
            name, received=f"{len(found)} values", expected=f"{size}, one for each"
        )
    return found


def _gini(
    values: NDArray[np.float64],
    scores: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> float:
    """Twice the area between the curve of gathered values and the diagonal.

    What has the same score is gathered together.
    """
    if not (weights * values).sum():
        return 0.0
    _, place = np.unique(-scores, return_inverse=True)
    mass = np.bincount(place, weights)
    gained = np.bincount(place, weights * values)
    x = np.concatenate([[0.0], np.cumsum(mass) / mass.sum()])
    y = np.concatenate([[0.0], np.cumsum(gained) / gained.sum()])
    return float(((y[1:] + y[:-1]) * np.diff(x)).sum() - 1.0)
