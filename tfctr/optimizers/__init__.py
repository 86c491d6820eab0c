"""Optimizers for click and conversion models."""

import keras

__all__ = ["default"]


def default(learning_rate: float = 1e-3) -> keras.optimizers.Optimizer:
    """The optimizer that `compile` uses when none is given: Adam.

    Args:
        learning_rate: Its learning rate.

    >>> round(float(default(0.25).learning_rate), 4)
    0.25
    """
    return keras.optimizers.Adam(learning_rate)
