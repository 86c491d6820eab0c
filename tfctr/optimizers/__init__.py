"""Optimizers for click and conversion models."""

import keras

__all__ = ["default"]


def default(learning_rate: float = 1e-3) -> keras.optimizers.Optimizer:
    """The optimizer that `compile` uses when none is given: Adam.

    Args:
        learning_rate: Its learning rate.

    >>> default().name
    'adam'
    """
    return keras.optimizers.Adam(learning_rate)
