"""Embeddings of what a user did with an item, and of not knowing it."""

from typing import Any

import keras
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import normal
from tfctr.types import Shape, Tensor

__all__ = ["ActionEmbedding"]


@serializable
class ActionEmbedding(keras.layers.Layer):
    """A vector for the actions of an event, and one for an action not yet known.

    Several actions at once (a click, a purchase) stand side by side: for each type of
    action its row if it happened, else zeros. A single one has a row of its own.

    Args:
        num_actions: Number of ids, that of a missing action (0) included.
        dim: Width of a row.
        is_multiple: Whether an event has several actions.
        has_placeholder: Whether there is a vector for actions not yet known.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        actions: Integers in `[0, num_actions)`: `(...)`, or with `is_multiple`
            `(..., values)` of any order, 0 where there are fewer.
        is_known: Booleans `(...)`: where the actions are known; elsewhere the vector
            is the placeholder. Everywhere by default.

    Returns:
        `(..., dim)`, or with `is_multiple` `(..., (num_actions - 1) * dim)`, in the
        compute dtype.

    Source: `action_encoder.py` of meta-recsys/generative-recommenders: width 8, initial
    deviation 0.1.

    >>> layer = ActionEmbedding(3, 2, is_multiple=True)
    >>> vectors = layer(keras.ops.convert_to_tensor([[2, 0]]))
    >>> tuple(vectors.shape), bool((vectors[0, :2] == 0).numpy().all())
    ((1, 4), True)
    """

    def __init__(
        self,
        num_actions: int,
        dim: int = 8,
        *,
        is_multiple: bool = False,
        has_placeholder: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value, least in (("num_actions", num_actions, 2), ("dim", dim, 1)):
            if value < least:
                raise InputError(name, received=value, expected=f"at least {least}")
        self.num_actions = num_actions
        self.dim = dim
        self.is_multiple = is_multiple
        self.has_placeholder = has_placeholder
        self.seed = seed

    @property
    def width(self) -> int:
        """Width of the result."""
        return self.dim * (self.num_actions - 1) if self.is_multiple else self.dim

    def build(self, actions_shape: Shape | None = None, *_: Any, **__: Any) -> None:
        rows = self.num_actions - 1 if self.is_multiple else self.num_actions
        self.rows = self._weight("rows", (rows, self.dim))
        if self.has_placeholder:
            self.unknown = self._weight("unknown", (self.width,))

    def call(self, actions: Tensor, is_known: Tensor | None = None) -> Tensor:
        vectors = self._several(actions) if self.is_multiple else self._single(actions)
        if is_known is None:
            return vectors
        return ops.where(ops.expand_dims(is_known, -1), vectors, self.placeholder())

    def placeholder(self) -> Tensor:
        """`(width,)`: the vector of an action that is not known yet."""
        return ops.cast(self.unknown, self.compute_dtype)

    def compute_output_shape(self, actions_shape: Shape, *_: Any, **__: Any) -> Shape:
        outer = actions_shape[:-1] if self.is_multiple else actions_shape
        return (*outer, self.width)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_actions": self.num_actions,
            "dim": self.dim,
            "is_multiple": self.is_multiple,
            "has_placeholder": self.has_placeholder,
            "seed": self.seed,
        }

    def _single(self, actions: Tensor) -> Tensor:
        rows = kernels.gather(self.rows.value, ops.reshape(actions, (-1,)))
        rows = ops.reshape(rows, (*ops.shape(actions), self.dim))
        return ops.cast(rows, self.compute_dtype)

    def _several(self, actions: Tensor) -> Tensor:
        # A look-up of ones, which refuses ids outside of the table.
        ones = ops.eye(self.num_actions, dtype="float32")
        bits = kernels.gather(ones, ops.reshape(actions, (-1,)))
        bits = ops.reshape(bits, (*ops.shape(actions), self.num_actions))
        happened = ops.expand_dims(ops.max(bits, axis=-2)[..., 1:], -1)
        vectors = ops.cast(happened, self.compute_dtype) * ops.cast(
            self.rows, self.compute_dtype
        )
        return ops.reshape(vectors, (*ops.shape(vectors)[:-2], self.width))

    def _weight(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=normal(self.seed, name, 0.1),
            autocast=False,
        )
