"""The student's head of TARQ: one of three, or a user's own."""

from typing import Any

import keras

from tfctr.errors import InputError, UnknownName
from tfctr.layers.quantization.additive_head import AdditiveHead
from tfctr.layers.quantization.interest_head import InterestHead
from tfctr.layers.quantization.tower_head import TowerHead

__all__ = ["HEADS", "head_config", "make_head"]

HEADS: dict[str, type[keras.layers.Layer]] = {
    "tower": TowerHead,
    "additive": AdditiveHead,
    "interest": InterestHead,
}


def make_head(head: Any, units: int, **options: Any) -> keras.layers.Layer:
    """The layer that `head` stands for.

    Args:
        head: A name, a layer, or the config of a layer.
        units: Number of logits.
        **options: Passed to the layer that a name stands for: `seed`, `dtype`, and
            `hidden_units`, which `additive` has not.

    Raises:
        InputError: It is nothing of these; of an unknown name, the nearest is offered.
    """
    if isinstance(head, dict):
        head = keras.saving.deserialize_keras_object(head)
    if isinstance(head, keras.layers.Layer):
        return head
    if not isinstance(head, str):
        raise InputError(
            "head", received=type(head).__name__, expected="a name or a Keras layer"
        )
    if head not in HEADS:
        raise UnknownName("head", head, HEADS)
    if head == "additive":
        options.pop("hidden_units")
    return HEADS[head](units, name="head", **options)


def head_config(head: Any, layer: keras.layers.Layer) -> Any:
    """What makes the head again: its name, or the config of a user's own.

    Args:
        head: As for `make_head`.
        layer: What `make_head` made of it.
    """
    return head if isinstance(head, str) else keras.saving.serialize_keras_object(layer)
