"""Ranges and types of what optimizers are made with."""

from typing import Any

import tensorflow as tf

from tfctr.errors import InputError

__all__ = ["check_not_negative", "check_positive", "precise"]


def check_positive(**settings: float | None) -> None:
    """Refuses numbers that are not above 0; `None` stands for none.

    Args:
        **settings: The numbers by name.
    """
    for name, value in settings.items():
        if value is not None and not value > 0:
            raise InputError(name, received=value, expected="a positive number")


def check_not_negative(**settings: float | None) -> None:
    """Refuses numbers below 0 and NaN; `None` stands for none.

    Args:
        **settings: The numbers by name.
    """
    for name, value in settings.items():
        if value is not None and not value >= 0:
            raise InputError(name, received=value, expected="0 or a positive number")


def precise(dtype: Any) -> str:
    """Type of slots and arithmetic: a half loses what Adam adds to its averages."""
    name = tf.as_dtype(dtype).name
    return "float32" if name in ("float16", "bfloat16") else name
