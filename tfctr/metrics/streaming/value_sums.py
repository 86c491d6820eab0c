"""Base of the metrics of values, which are sums over examples."""

from collections.abc import Mapping

from keras import ops

from tfctr.errors import InputError
from tfctr.metrics.streaming.running_sums import RunningSums
from tfctr.types import Tensor

__all__ = ["MAX_LOG_VALUE", "ValueSums"]

# `exp` of more is no float32, so nobody is served more.
MAX_LOG_VALUE = 80.0


class ValueSums(RunningSums):
    """Keeps weighted sums of values and of what was expected of them.

    Args:
        from_logits: Whether predictions are logarithms of values, as models give
            them; else the values.
        name: Name of the metric.
        dtype: Dtype in which single predictions are read and results given.
    """

    def value_terms(self, values: Tensor, expected: Tensor) -> Mapping[str, Tensor]:
        """What one example adds to each of `sums`, before weighting."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        values, expected = self._flat(y_true), self._flat(y_pred)
        weights = 1.0 if sample_weight is None else sample_weight
        weights = ops.broadcast_to(self._flat(weights), ops.shape(values))
        if None not in (*values.shape, *expected.shape) and (
            values.shape != expected.shape
        ):
            raise InputError(
                "y_pred",
                received=f"{expected.shape[0]} values",
                expected=f"{values.shape[0]}, one for each label",
            )
        if self.from_logits:
            expected = ops.exp(ops.minimum(expected, MAX_LOG_VALUE))
        values, expected, weights = map(_nan_below_0, (values, expected, weights))
        counts = weights != 0
        values, expected = (ops.where(counts, v, 0.0) for v in (values, expected))
        weights = ops.cast(weights, "float64")
        self.sum_of_weight.assign_add(ops.sum(weights))
        for name, terms in self.value_terms(values, expected).items():
            total = ops.sum(weights * ops.cast(terms, "float64"))
            getattr(self, f"sum_of_{name}").assign_add(total)

    def _flat(self, values: Tensor) -> Tensor:
        return ops.reshape(ops.cast(values, self.dtype), (-1,))


def _nan_below_0(values: Tensor) -> Tensor:
    return ops.where(values >= 0, values, float("nan"))
