"""A rising, piecewise linear curve from logits to logits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.errors import InputError

__all__ = ["Curve"]


@dataclass(frozen=True)
class Curve:
    """`f(x) = offset + slope * x + sum_k bends_k * max(x - knots_k, 0)`.

    It rises everywhere, so that it changes no order.

    Args:
        slope: Slope before the first knot.
        offset: What is added everywhere.
        knots: Where the slope changes, in rising order.
        bends: By how much it changes there.

    Raises:
        InputError: A slope is not above 0, knots do not rise, or numbers are not
            finite.

    >>> float(Curve(slope=2.0, offset=-1.0)(3.0))
    5.0
    """

    slope: float = 1.0
    offset: float = 0.0
    knots: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "knots", tuple(map(float, self.knots)))
        object.__setattr__(self, "bends", tuple(map(float, self.bends)))
        numbers = [self.slope, self.offset, *self.knots, *self.bends]
        slopes = np.cumsum([self.slope, *self.bends])
        if len(self.knots) != len(self.bends) or not np.all(np.isfinite(numbers)):
            raise InputError(
                "curve", received=self, expected="finite numbers, a bend for each knot"
            )
        if (slopes <= 0).any() or (np.diff(self.knots) <= 0).any():
            raise InputError(
                "curve", received=self, expected="positive slopes and rising knots"
            )

    @classmethod
    def through(cls, x: ArrayLike, y: ArrayLike) -> "Curve":
        """The curve through points, of slope 1 before the first and after the last.

        Args:
            x: Rising numbers.
            y: Rising numbers, as many.
        """
        x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
        bends = np.diff([1.0, *(np.diff(y) / np.diff(x)), 1.0])
        return cls(1.0, float(y[0] - x[0]), tuple(x), tuple(bends))

    def __call__(self, logits: ArrayLike) -> NDArray[np.float64]:
        """The curve's values, by numpy; `tfctr.models.Calibrated` has it as a graph.

        Args:
            logits: Numbers of any shape.
        """
        x = np.asarray(logits, "float64")
        above = np.maximum(x[..., None] - np.asarray(self.knots), 0.0)
        bent = (above * np.asarray(self.bends)).sum(-1)
        return np.asarray(self.offset + self.slope * x + bent)

    def to_dict(self) -> dict[str, Any]:
        """The curve in a form that JSON holds; `Curve(**...)` takes it back."""
        return {
            "slope": self.slope,
            "offset": self.offset,
            "knots": list(self.knots),
            "bends": list(self.bends),
        }

    @classmethod
    def of(cls, given: "Curve | Mapping[str, Any]") -> "Curve":
        """The curve itself, or that of its dict."""
        return cls(**given) if isinstance(given, Mapping) else given
