"""Seeds that depend on a name, not on the order in which things are made."""

import zlib

import keras

__all__ = ["derived_seed", "glorot", "normal"]


def derived_seed(seed: int, name: str) -> int:
    """A seed for the thing called `name`.

    >>> derived_seed(0, "user_id") == derived_seed(0, "item_id")
    False
    """
    return zlib.crc32(f"{seed}/{name}".encode())


def glorot(seed: int, name: str) -> keras.initializers.Initializer:
    """Glorot uniform with a seed of its own."""
    return keras.initializers.GlorotUniform(seed=derived_seed(seed, name))


def normal(seed: int, name: str, stddev: float) -> keras.initializers.Initializer:
    """Normal around 0 with a seed of its own."""
    return keras.initializers.RandomNormal(stddev=stddev, seed=derived_seed(seed, name))
