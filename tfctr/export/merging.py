"""Over-parameterized factors of adaptive layers, multiplied for serving."""

import contextlib
from collections.abc import Iterable, Iterator

import keras
import tensorflow as tf

from tfctr.layers import OverParameterizedAdaptiveDense

__all__ = ["MergedFactors"]


class MergedFactors(tf.Module):
    """The two factors of each over-parameterized layer in place of its four.

    The models' own weights stay as they are, so that they can be trained on.

    Args:
        models: The models, built.
    """

    def __init__(self, models: Iterable[keras.Model]) -> None:
        super().__init__()
        # Past the tracking of TensorFlow, which knows no Keras layers.
        self._merged = _Untracked(
            layer
            for model in models
            for layer in model._flatten_layers(include_self=False, recursive=True)
            if isinstance(layer, OverParameterizedAdaptiveDense)
        )
        self.factors = [
            tuple(
                tf.Variable(tf.cast(factor, tf.float32), trainable=False, name=name)
                for name, factor in zip(
                    ("input_factor", "output_factor"), layer.factors(), strict=True
                )
            )
            for layer in self._merged.layers
        ]

    @property
    def replaced(self) -> set[int]:
        """Identities of the models' variables for which these factors stand."""
        return {
            id(weight)
            for layer in self._merged.layers
            for weight in layer.unmerged_weights
        }

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Lets the layers read these factors; what is traced here keeps doing so."""
        try:
            for layer, factors in zip(self._merged.layers, self.factors, strict=True):
                layer.fold(factors)
            yield
        finally:
            for layer in self._merged.layers:
                layer.fold(None)


class _Untracked:
    """Holds Keras layers outside of TensorFlow's object graph."""

    def __init__(self, layers: Iterable[OverParameterizedAdaptiveDense]) -> None:
        self.layers = list({id(layer): layer for layer in layers}.values())
