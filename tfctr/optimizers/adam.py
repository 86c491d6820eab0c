"""Adam, of all rows and of touched ones."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfctr.errors import InputError
from tfctr.optimizers.gradients import dense
from tfctr.optimizers.settings import check_not_negative, check_positive, precise
from tfctr.optimizers.sparse_optimizer import SparseOptimizer
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["Adam", "LazyAdam"]


@serializable
class LazyAdam(SparseOptimizer):
    """Adam that moves, and forgets, only in rows which the batch touched.

    `m += (1 - beta_1) * (g - m)`, `v += (1 - beta_2) * (g^2 - v)`,
    `w -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)`
    with `t` the number of steps, whoever was touched in them. Where every step touches
    every row this is Adam; elsewhere Adam also moves untouched rows by their old `m`.

    Args:
        learning_rate: Step size.
        beta_1: Share of `m` that a step keeps.
        beta_2: Share of `v` that a step keeps.
        epsilon: Keeps the quotient finite.
        exact_rows: Tables of at most so many rows are updated as by `Adam`. When a
            batch touches most rows of a table this is cheaper than to tell which. Not
            with `frequency_adaptive`.
        **kwargs: As for `SparseOptimizer`.

    Source: Kingma & Ba, Adam, ICLR 2015, in the order before section 2.1.
    """

    slot_names = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        exact_rows: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        for name, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= value < 1:
                raise InputError(name, received=value, expected="a number in [0, 1)")
        check_positive(epsilon=epsilon)
        check_not_negative(exact_rows=exact_rows)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.exact_rows = exact_rows

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable.

        Args:
            gradient: Tensor, or `tf.IndexedSlices` with rows in any number.
            variable: The variable.
            learning_rate: Step size.
        """
        is_counted = self._get_variable_index(variable) in self._frequencies
        is_sparse = isinstance(gradient, tf.IndexedSlices)
        if is_sparse and self._is_exact(variable) and not is_counted:
            gradient, is_sparse = dense(gradient, variable.shape[0]), False
        decays = self.weight_decay and self._use_weight_decay(variable)
        is_half = precise(variable.dtype) != variable.dtype
        if decays or is_half or is_sparse or is_counted:
            super().update_step(gradient, variable, learning_rate)
            return
        # One kernel for what takes a dozen operations.
        slots = self.slots(variable)
        first, second = self._powers(variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=slots["momentum"].value.handle,
            v=slots["velocity"].value.handle,
            beta1_power=first,
            beta2_power=second,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=tf.cast(self.beta_1, variable.dtype),
            beta2=tf.cast(self.beta_2, variable.dtype),
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )

    def new_rows(
        self,
        rows: Tensor,
        gradient: Tensor,
        slots: Mapping[str, Tensor],
        learning_rate: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        momentum, velocity = slots["momentum"], slots["velocity"]
        momentum = momentum + (1 - self.beta_1) * (gradient - momentum)
        velocity = velocity + (1 - self.beta_2) * (tf.square(gradient) - velocity)
        rate = self._corrected(learning_rate)
        rows = rows - rate * momentum / (tf.sqrt(velocity) + self.epsilon)
        return rows, {"momentum": momentum, "velocity": velocity}

    def compiled_step(self, learning_rate: Tensor) -> tuple[str, tuple[Any, ...]]:
        rate = self._corrected(learning_rate)
        return "adam", (rate, 1 - self.beta_1, 1 - self.beta_2, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "exact_rows": self.exact_rows,
        }

    def _is_exact(self, variable: Any) -> bool:
        return bool(variable.shape[0] <= self.exact_rows)

    def _corrected(self, learning_rate: Tensor) -> Tensor:
        """The learning rate with the correction of both averages' start at 0."""
        first, second = self._powers(learning_rate.dtype)
        return learning_rate * tf.sqrt(1 - second) / (1 - first)

    def _powers(self, dtype: Any) -> tuple[Tensor, Tensor]:
        step = tf.cast(self.iterations + 1, dtype)
        return tuple(
            tf.cast(beta, dtype) ** step for beta in (self.beta_1, self.beta_2)
        )


@serializable
class Adam(LazyAdam):
    """Adam of all rows: `keras.optimizers.Adam` in one kernel a variable.

    Its cost follows the tables, not the batch: for dense weights, small tables and
    comparisons. With `weight_decay` it is `keras.optimizers.AdamW`: a step touches all
    rows, so all decay. With `frequency_adaptive`, tables are updated as by `LazyAdam`.

    Args:
        learning_rate: Step size.
        beta_1: Share of `m` that a step keeps.
        beta_2: Share of `v` that a step keeps.
        epsilon: Keeps the quotient finite.
        **kwargs: As for `SparseOptimizer`.

    Source: Kingma & Ba, Adam, ICLR 2015, in the order before section 2.1.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, **kwargs
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["exact_rows"]
        return config

    def _is_exact(self, variable: Any) -> bool:
        return True
