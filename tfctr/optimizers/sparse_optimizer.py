"""What the optimizers of this package have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfctr import kernels, native
from tfctr.huge_pages import collapse
from tfctr.optimizers.accumulation import PendingGradients
from tfctr.optimizers.frequencies import RowFrequencies, row_frequencies
from tfctr.optimizers.gradients import clipped, scaled, unique_rows
from tfctr.optimizers.settings import check_not_negative, check_positive, precise
from tfctr.types import Tensor

__all__ = ["SparseOptimizer"]


class SparseOptimizer(keras.optimizers.Optimizer):
    """A Keras optimizer whose cost follows the rows that a batch touched.

    The gradient of a look-up comes as `tf.IndexedSlices`. Gradients of one row are
    summed first, however often it occurs in the batch; then only touched rows of the
    table and of its slots are read and written. A dense gradient touches all rows.
    A subclass names its slots and writes `new_rows`.

    Args:
        learning_rate: Step size: a number, a Keras schedule or a function.
        weight_decay: Share of a weight, times the learning rate, that a step takes
            off touched rows before the update (decoupled). Tables with frozen rows do
            not decay.
        clipnorm: Most that the norm of each gradient may be.
        clipvalue: Most that each entry of a gradient may be.
        global_clipnorm: Most that the norm of all gradients together may be.
        loss_scale_factor: By how much the loss is scaled in training.
        gradient_accumulation_steps: Number of batches whose mean gradient makes a
            step. Needs one replica and, for tables, no XLA.
        frequency_adaptive: Whether rare rows of embedding tables take smaller steps:
            `log(1 + F) / log(1 + max F)` of the learning rate, after `F` look-ups.
        name: Its name.
    """

    gradient_accumulation_steps: int | None  # set by Keras
    loss_scale_factor: float | None
    # Slot names, and whether one holds a number a row instead of one a weight.
    slot_names: tuple[str, ...] = ()
    row_slot_names: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        frequency_adaptive: bool = False,
        name: str | None = None,
    ) -> None:
        if isinstance(learning_rate, dict):
            learning_rate = keras.optimizers.schedules.deserialize(learning_rate)
        elif isinstance(learning_rate, (int, float, np.number)):
            learning_rate = float(learning_rate)
            check_positive(learning_rate=learning_rate)
        check_positive(
            clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm
        )
        check_positive(loss_scale_factor=loss_scale_factor)
        check_not_negative(weight_decay=weight_decay)
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )
        self.frequency_adaptive = frequency_adaptive
        self._frequencies: dict[int, RowFrequencies] = {}
        self._slots: dict[str, list[Any]] = {}
        self._pending: PendingGradients | None = None

    # To be written by each optimizer ------------------------------------------------

    def new_rows(
        self,
        rows: Tensor,
        gradient: Tensor,
        slots: Mapping[str, Tensor],
        learning_rate: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The rows after a step, and their slots.

        Args:
            rows: Weights `(rows, ...)`.
            gradient: Their gradient, of the same shape.
            slots: What the optimizer remembers of these rows, by name.
            learning_rate: Step size, a scalar or `(rows, 1)`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def compiled_step(self, learning_rate: Tensor) -> tuple[str, tuple[Any, ...]]:
        """The same step among those of `tfctr.native`: its name and its numbers.

        It is used for the class that defines it alone: a subclass may step otherwise.

        Args:
            learning_rate: Step size, a scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} has no compiled step")

    def initial_slot(self, name: str) -> float:
        """What slot `name` holds before the first step."""
        return 0.0

    # Keras --------------------------------------------------------------------------

    def slots(self, variable: Any) -> dict[str, Any]:
        """What the optimizer remembers of a variable: Keras variables by slot name.

        Args:
            variable: A variable that the optimizer was built with.
        """
        place = self._get_variable_index(variable)
        slots = {name: values[place] for name, values in self._slots.items()}
        counted = self._frequencies.get(place)
        return slots if counted is None else {**slots, "frequency": counted.seen}

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        steps = self.gradient_accumulation_steps
        self.gradient_accumulation_steps = None
        super().build(variables)  # without Keras' accumulators, which are dense
        self.gradient_accumulation_steps = steps
        for name in self.slot_names:
            self._slots[name] = [self._slot(v, name, v.shape) for v in variables]
        for name in self.row_slot_names:
            self._slots[name] = [
                self._slot(v, name, (*v.shape[:1], *(1 for _ in v.shape[1:])))
                for v in variables
            ]
        if self.frequency_adaptive:
            self._frequencies = row_frequencies(variables, self._slot)
        if steps:
            self._pending = PendingGradients(variables, steps)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        # Keras divides by the scale itself, which sparse gradients cannot.
        scale = self.loss_scale_factor
        self.loss_scale_factor = None
        try:
            if scale is not None:
                grads = [scaled(gradient, 1 / scale) for gradient in grads]
            super().apply(grads, trainable_variables)
        finally:
            self.loss_scale_factor = scale

    def _backend_apply_gradients(self, grads: Any, trainable_variables: Any) -> None:
        def step(means: Any) -> None:
            self._backend_update_step(means, trainable_variables, self.learning_rate)

        if self._pending is None:
            step(grads)
            return
        places = [self._get_variable_index(v) for v in trainable_variables]
        self._pending.add(self._iterations, places, grads, step)

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        pairs = super()._all_reduce_sum_gradients(grads_and_vars)
        grads, variables = zip(*pairs, strict=True)
        # Here, where Keras clips before: what one replica has is part of a gradient.
        return list(zip(self._clip_gradients(grads), variables, strict=True))

    def _clip_gradients(self, grads: Any) -> Any:
        return clipped(
            grads,
            norm=self.clipnorm,
            value=self.clipvalue,
            global_norm=self.global_clipnorm,
        )

    def _use_weight_decay(self, variable: Any) -> bool:
        is_frozen = getattr(variable, "has_frozen_rows", False)
        return bool(super()._use_weight_decay(variable)) and not is_frozen

    def _apply_weight_decay(self, variables: Any) -> None:
        """Nothing here: `update_step` decays the rows that it touches."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable.

        Args:
            gradient: Tensor, or `tf.IndexedSlices` with rows in any number.
            variable: The variable.
            learning_rate: Step size.
        """
        place = self._get_variable_index(variable)
        slots = {name: values[place].value for name, values in self._slots.items()}
        decay = self.weight_decay if self._use_weight_decay(variable) else None
        dtype = precise(variable.dtype)
        learning_rate = tf.cast(learning_rate, dtype)
        places = None
        if place in self._frequencies:
            learning_rate = self._frequencies[place].rates(gradient, learning_rate)
        kept = 1 - learning_rate * decay if decay else 1.0
        if isinstance(gradient, tf.IndexedSlices):
            if self._has_compiled_step(gradient, variable):
                rule, numbers = self.compiled_step(learning_rate)
                native.update_rows(
                    rule, variable, [*slots.values()], gradient, kept, numbers
                )
                return
            places, gradient = unique_rows(gradient)

        def read(target: Any) -> Tensor:
            if places is None:
                return tf.cast(target.read_value(), dtype)
            return tf.cast(kernels.gather(target, places), dtype)

        def write(target: Any, value: Tensor) -> None:
            value = tf.cast(value, target.dtype)
            if places is None:
                target.assign(value)
            else:
                # Sets rows: adding to them takes ten times as long on a CPU.
                target.scatter_update(tf.IndexedSlices(value, places))

        rows = read(variable) * kept if decay else read(variable)
        remembered = {name: read(slot) for name, slot in slots.items()}
        gradient = tf.cast(gradient, dtype)
        rows, remembered = self.new_rows(rows, gradient, remembered, learning_rate)
        write(variable, rows)
        for name, slot in slots.items():
            write(slot, remembered[name])

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        if self._pending is not None:
            self._pending.save(store)

    def load_own_variables(self, store: Any) -> None:
        if self._pending is not None:
            store = self._pending.load(store)
        super().load_own_variables(store)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("use_ema", "ema_momentum", "ema_overwrite_frequency"):
            config.pop(name, None)
        return {**config, "frequency_adaptive": self.frequency_adaptive}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        # A callback may have set it to 0, which nobody would construct.
        is_zero = config.get("learning_rate") == 0
        if is_zero:
            config = {**config, "learning_rate": 1.0}
        optimizer = super().from_config(config, custom_objects)
        if is_zero:
            optimizer.learning_rate = 0.0
        return optimizer

    def _has_compiled_step(self, gradient: tf.IndexedSlices, variable: Any) -> bool:
        return (
            "compiled_step" in vars(type(self))
            and self._get_variable_index(variable) not in self._frequencies
            and len(variable.shape) == 2
            and isinstance(variable, tf.Variable)
            and kernels.is_compiled(gradient.values, variable)
        )

    def _slot(self, variable: Any, name: str, shape: Any) -> Any:
        with self._distribution_strategy.extended.colocate_vars_with(variable.value):
            slot = self.add_variable(
                shape,
                initializer=_filled(self.initial_slot(name)),
                dtype=precise(variable.dtype),
                name=f"{variable.path.replace('/', '_')}_{name}",
            )
        collapse(slot.value)
        return slot


def _filled(value: float) -> Any:
    """An initialiser that makes one tensor; Keras' `Constant` makes two."""
    return lambda shape, dtype=None: tf.fill(shape, tf.cast(value, dtype))
