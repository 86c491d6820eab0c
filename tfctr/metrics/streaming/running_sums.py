"""Base of the metrics that are a formula over a few sums."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfctr.metrics.streaming.examples import Examples, read_examples
from tfctr.types import Tensor

__all__ = ["RunningSums"]


class RunningSums(keras.metrics.Metric):
    """Keeps weighted sums over examples; a subclass names them and divides.

    Sums are float64: float32 stops counting at 16.7 million examples.

    Args:
        from_logits: Whether predictions are logits; else probabilities.
        name: Name of the metric.
        dtype: Dtype in which single predictions are read and results given.
    """

    sums: tuple[str, ...] = ()

    def __init__(
        self,
        from_logits: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits
        for sum_name in ("weight", *self.sums):
            variable = self.add_variable(
                shape=(), initializer="zeros", dtype="float64", name=sum_name
            )
            setattr(self, f"sum_of_{sum_name}", variable)

    def terms(self, examples: Examples) -> Mapping[str, Tensor]:
        """What one example adds to each of `sums`, before weighting."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def formula(self, **sums: Tensor) -> Tensor:
        """The metric, from the sums and the sum of weights, called `weight`."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        examples = read_examples(
            y_true,
            y_pred,
            sample_weight,
            from_logits=self.from_logits,
            dtype=self.dtype,
        )
        weights = ops.cast(examples.weights, "float64")
        self.sum_of_weight.assign_add(ops.sum(weights))
        for name, values in self.terms(examples).items():
            total = ops.sum(weights * ops.cast(values, "float64"))
            getattr(self, f"sum_of_{name}").assign_add(total)

    def result(self) -> Tensor:
        names = ("weight", *self.sums)
        sums = {n: ops.convert_to_tensor(getattr(self, f"sum_of_{n}")) for n in names}
        return ops.cast(self.formula(**sums), self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient; NaN where the denominator is not positive."""
    defined = denominator > 0
    quotient = numerator / ops.where(defined, denominator, 1.0)
    return ops.where(defined, quotient, float("nan"))
