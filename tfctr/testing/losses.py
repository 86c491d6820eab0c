"""Laws of losses."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfctr.testing.configs import check_config
from tfctr.testing.verdicts import require, require_close, require_finite

__all__ = ["check_loss"]


def check_loss(
    cls: Any,
    init_kwargs: Mapping[str, Any],
    y_true: NDArray[Any],
    y_pred: NDArray[Any],
    *,
    rtol: float = 1e-5,
    is_pointwise: bool = True,
) -> None:
    """Fails on the first law that the loss `cls(**init_kwargs)` breaks.

    The laws: the config round trip; a float32 scalar, also of bfloat16 logits; the
    order of examples does not matter; a batch twice over has the same mean; an
    example of zero weight has no say; equal weights change nothing but the scale;
    finite with its gradient at logits of +-100; NaN shows; a pointwise loss pushes
    logits up for label 1 and down for label 0.

    Args:
        cls: The class, a `keras.losses.Loss` that averages over the batch.
        init_kwargs: Arguments of the constructor, none of them a default.
        y_true: `(examples, ...)` labels, both 0 and 1.
        y_pred: Logits of the same shape.
        rtol: Relative tolerance.
        is_pointwise: Whether each example has a loss of its own. A pairwise loss has
            not: weights, repetition and direction are not tested then.

    Raises:
        AssertionError: A law is broken; its text says which.
    """
    loss = cls(**init_kwargs)
    value = loss(y_true, y_pred)
    check_config(cls, loss, init_kwargs)
    check = _Check(loss, y_true, np.asarray(y_pred, "float32"), rtol)
    check.is_a_float32_scalar(value)
    check.order_does_not_matter()
    check.extreme_logits_stay_finite()
    check.nan_shows()
    if is_pointwise:
        check.repeating_the_batch_keeps_the_mean()
        check.zero_weight_has_no_say()
        check.weights_scale()
        check.gradient_points_to_the_label()


class _Check:
    def __init__(
        self, loss: Any, y_true: NDArray[Any], y_pred: NDArray[Any], rtol: float
    ) -> None:
        self.loss, self.y_true, self.y_pred, self.rtol = loss, y_true, y_pred, rtol

    def is_a_float32_scalar(self, value: Any) -> None:
        law = "a loss is a finite float32 scalar, also of bfloat16 logits"
        half = keras.ops.cast(self.y_pred, "bfloat16")
        for result in (value, self.loss(self.y_true, half)):
            dtype = keras.backend.standardize_dtype(result.dtype)
            found = f"It has shape {tuple(result.shape)} and dtype {dtype}."
            require(tuple(result.shape) == () and dtype == "float32", law, found)
            require_finite(result, law)

    def order_does_not_matter(self) -> None:
        backwards = self.loss(self.y_true[::-1], self.y_pred[::-1])
        self._agree(backwards, self._whole(), "the order of examples does not matter")

    def repeating_the_batch_keeps_the_mean(self) -> None:
        twice = self.loss(
            np.concatenate([self.y_true] * 2), np.concatenate([self.y_pred] * 2)
        )
        self._agree(twice, self._whole(), "a batch twice over has the same mean")

    def zero_weight_has_no_say(self) -> None:
        law = "an example of zero weight has no say"
        weights = np.ones(len(self.y_true), "float32")
        weights[0] = 0.0
        other_true, other_pred = self.y_true.copy(), self.y_pred.copy()
        other_true[0], other_pred[0] = 1 - other_true[0], 5.0 - other_pred[0]
        self._agree(
            self.loss(other_true, other_pred, sample_weight=weights),
            self.loss(self.y_true, self.y_pred, sample_weight=weights),
            law,
        )
        gradient = self._gradient(self.y_pred, weights)[0]
        require(not np.any(gradient), law, f"Its gradient is {gradient}.")

    def weights_scale(self) -> None:
        law = "weights of one are no weights"
        ones = np.ones(len(self.y_true), "float32")
        weighted = self.loss(self.y_true, self.y_pred, sample_weight=ones)
        self._agree(weighted, self._whole(), law)

    def extreme_logits_stay_finite(self) -> None:
        law = "the loss and its gradient are finite at logits of +-100"
        for logit in (-100.0, 100.0):
            logits = np.full_like(self.y_pred, logit)
            require_finite(self.loss(self.y_true, logits), law)
            require_finite(self._gradient(logits, None), law)

    def nan_shows(self) -> None:
        logits = self.y_pred.copy()
        logits.reshape(-1)[0] = np.nan
        law = "a NaN logit gives NaN or an error"
        try:
            value = np.asarray(self.loss(self.y_true, logits))
        except (ValueError, ArithmeticError):
            return
        require(np.isnan(value), law, f"The loss was {value}.")

    def gradient_points_to_the_label(self) -> None:
        law = "the gradient pushes logits up for label 1 and down for label 0"
        gradient = self._gradient(self.y_pred, None)
        right = np.where(self.y_true > 0.5, gradient < 0, gradient > 0)
        require(right.all(), law, f"It is {gradient} for labels {self.y_true}.")

    def _gradient(self, logits: NDArray[Any], weights: Any) -> NDArray[Any]:
        import tensorflow as tf  # only the gradient needs it

        variable = tf.Variable(logits)
        with tf.GradientTape() as tape:
            value = self.loss(self.y_true, variable, sample_weight=weights)
        return np.asarray(tape.gradient(value, variable))

    def _whole(self) -> Any:
        return self.loss(self.y_true, self.y_pred)

    def _agree(self, actual: Any, expected: Any, law: str) -> None:
        require_close(actual, expected, law, rtol=self.rtol)
