"""One optimizer for tables, another for all else."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfctr.errors import InputError
from tfctr.optimizers.sparse_optimizer import SparseOptimizer
from tfctr.saving import serializable

__all__ = ["Composite"]

_NUMBERS = (int, float, np.number, np.ndarray)  # callbacks set arrays too


@serializable
class Composite(SparseOptimizer):
    """Updates embedding tables by one optimizer and dense weights by another.

    Each keeps its own learning rate and slots. Clipping, accumulation and loss scale
    belong to the whole and are given here; weight decay belongs to each part, rates
    by frequency to the tables.
    `learning_rate` is that of the dense part; setting it (as Keras' callbacks do)
    scales that of the tables by the same factor.

    Args:
        tables: The optimizer of the variables of `tfctr.layers.EmbeddingTable`.
        dense: The optimizer of all others.
        **kwargs: As for `SparseOptimizer`, without `learning_rate`, `weight_decay`
            and `frequency_adaptive`.

    >>> from tfctr.optimizers import Adam, RowWiseAdagrad
    >>> optimizer = Composite(tables=RowWiseAdagrad(0.05), dense=Adam(1e-3))
    >>> optimizer.learning_rate = 1e-4
    >>> round(float(optimizer.tables.learning_rate), 6)
    0.005
    """

    def __init__(
        self, *, tables: SparseOptimizer, dense: SparseOptimizer, **kwargs: Any
    ) -> None:
        parts = []
        for name, part in (("tables", tables), ("dense", dense)):
            if isinstance(part, dict):
                part = keras.saving.deserialize_keras_object(part)
            _check_part(name, part)
            parts.append(part)
        for setting in ("learning_rate", "weight_decay", "frequency_adaptive"):
            if setting in kwargs:
                raise InputError(
                    setting, received=kwargs[setting], expected="it in each part"
                )
        super().__init__(1.0, **kwargs)
        self.tables, self.dense = parts
        if self.tables is self.dense:
            raise InputError(
                "dense", received="the optimizer of `tables`", expected="another one"
            )
        self._ratio: float | None = None  # of the learning rates, should they be 0
        for part in parts:
            # The parts count batches too, and divide them into steps.
            part.gradient_accumulation_steps = self.gradient_accumulation_steps

    @property
    def learning_rate(self) -> Any:
        return self.dense.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        for part in (self.tables, self.dense):
            if not isinstance(value, _NUMBERS) or not _is_settable(part):
                raise InputError(
                    "learning_rate",
                    received="a schedule",
                    expected="a number, in place of numbers",
                    hint="Give `tables` and `dense` their schedules.",
                )
        before = _rate(self.dense)
        if before > 0:
            self._ratio = _rate(self.tables) / before
        if self._ratio is None:
            raise InputError(
                "learning_rate", received="0 in `dense`", expected="a positive number"
            )
        self.tables.learning_rate = float(value) * self._ratio
        self.dense.learning_rate = float(value)

    @property
    def variables(self) -> list[Any]:
        parts = (*self.tables.variables, *self.dense.variables)
        return [*super().variables, *parts]

    def part(self, variable: Any) -> SparseOptimizer:
        """The optimizer of a variable."""
        is_table = self._get_variable_index(variable) in self._tables_at
        return self.tables if is_table else self.dense

    def slots(self, variable: Any) -> dict[str, Any]:
        return self.part(variable).slots(variable)

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        is_table = [bool(getattr(v, "is_embedding_table", False)) for v in variables]
        self._tables_at = {k for k, answer in enumerate(is_table) if answer}
        pairs = list(zip(variables, is_table, strict=True))
        for part, wanted in ((self.tables, True), (self.dense, False)):
            steps, part.gradient_accumulation_steps = (
                part.gradient_accumulation_steps,
                None,
            )
            part.build([v for v, answer in pairs if answer == wanted])
            part.gradient_accumulation_steps = steps

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        super().apply(grads, trainable_variables)
        if len(grads) > 0:
            for part in (self.tables, self.dense):
                part._iterations.assign_add(1)

    def save_own_variables(self, store: Any) -> None:
        # Without those of the parts, which Keras saves beside it.
        for place, variable in enumerate(self._variables):
            store[str(place)] = variable.numpy()
        if self._pending is not None:
            self._pending.save(store)

    def load_own_variables(self, store: Any) -> None:
        if self._pending is not None:
            store = self._pending.load(store)
        for place, variable in enumerate(self._variables):
            variable.assign(store[str(place)])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        part = self.part(variable)
        part.update_step(gradient, variable, part.learning_rate)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("learning_rate", "weight_decay", "frequency_adaptive"):
            config.pop(name)
        parts = {"tables": self.tables, "dense": self.dense}
        for name, part in parts.items():
            config[name] = keras.saving.serialize_keras_object(part)
            config[name]["config"]["gradient_accumulation_steps"] = None
        return config

    def exclude_from_weight_decay(
        self, var_list: Any = None, var_names: Any = None
    ) -> None:
        """As for a Keras optimizer, in both parts.

        Args:
            var_list: Variables that do not decay.
            var_names: Patterns of their names.
        """
        for part in (self.tables, self.dense):
            part.exclude_from_weight_decay(var_list, var_names)


def _rate(part: SparseOptimizer) -> float:
    # As a tensor: a variable of several replicas is no number to Python.
    return float(keras.ops.convert_to_numpy(part.learning_rate + 0.0))


def _is_settable(part: SparseOptimizer) -> bool:
    return isinstance(part._learning_rate, keras.Variable)


def _check_part(name: str, part: Any) -> None:
    if not isinstance(part, SparseOptimizer) or isinstance(part, Composite):
        raise InputError(
            name,
            received=type(part).__name__,
            expected="a simple optimizer of tfctr.optimizers",
        )
    if part.built:
        raise InputError(
            name, received="one that is in use", expected="a new optimizer"
        )
    for setting in (
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "loss_scale_factor",
        "gradient_accumulation_steps",
    ):
        if getattr(part, setting):
            raise InputError(
                f"{name}.{setting}",
                received=getattr(part, setting),
                expected=f"`{setting}` of the whole `Composite`",
            )
