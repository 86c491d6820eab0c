"""What tests of the modules share: their input, and parts of them in numpy."""

import numpy as np

RNG = np.random.default_rng(1)
X = RNG.normal(size=(3, 4, 6)).astype("float32")
FLAT = X.reshape(3, -1)


def made(cls, **arguments):
    layer = cls(num_outputs=2, seed=1, **arguments)
    layer.build(X.shape)
    for weight in layer.trainable_variables:  # biases and gains count too
        weight.assign(np.asarray(weight) + RNG.normal(scale=0.3, size=weight.shape))
    return layer


def mapped(layer, values):
    """By the output kernel, from embeddings or from a vector."""
    kernel = np.asarray(layer.output_kernel, "float64")
    if values.ndim == 3:
        return np.einsum("bmd,ml->bld", values, kernel)
    return (values @ kernel).reshape(len(X), 2, -1)


def dense(layer, values):
    return values @ np.asarray(layer.kernel) + np.asarray(layer.bias)


def norm(layer, values):
    centered = values - values.mean(axis=-1, keepdims=True)
    scaled = centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-6)
    return scaled * np.asarray(layer.gamma) + np.asarray(layer.beta)


def check(layer, expected):
    np.testing.assert_allclose(layer(X), mapped(layer, expected), rtol=1e-4, atol=1e-5)
