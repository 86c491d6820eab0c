"""Adaptive layers with random weights, and their matrices by plain numpy."""

import numpy as np

from tfctr import layers

WIDTH, UNITS, RANK, CONDITION, ROWS = 7, 5, 3, 4, 6
KINDS = {
    "v1": (layers.FullAdaptiveDense, {}),
    "v2": (layers.RebuiltAdaptiveDense, {"rank": RANK}),
    "v3": (layers.DecomposedAdaptiveDense, {"rank": RANK}),
    "v4": (layers.SharedAdaptiveDense, {"rank": RANK}),
    "v5": (layers.OverParameterizedAdaptiveDense, {"rank": RANK, "inner_width": 6}),
}


def data(rows=ROWS, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(rows, WIDTH)).astype("float32"),
        rng.normal(size=(rows, CONDITION)).astype("float32"),
    )


def made(version, seed=1, **options):
    """A layer, built, with weights that are all random."""
    cls, own = KINDS[version]
    layer = cls(UNITS, **{**own, **options})
    layer(*data(2))
    rng = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(scale=0.7, size=weight.shape))
    return layer


def weight(layer, name):
    """A weight by the end of its path, in float64."""
    found = [w for w in layer.weights if w.path.endswith(name)]
    assert len(found) == 1, name
    return np.asarray(found[0], "float64")


def assign(layer, values):
    """Sets weights by the end of their paths."""
    for name, value in values.items():
        (found,) = [w for w in layer.weights if w.path.endswith(name)]
        found.assign(np.reshape(value, found.shape))


def matrices(layer, condition):
    """`(rows, width, units)`: what each row's inputs are multiplied with."""
    flat = condition.astype("float64") @ weight(layer, "output/kernel")
    flat = flat + weight(layer, "output/bias")
    rows = len(flat)
    if isinstance(layer, layers.FullAdaptiveDense):
        return flat.reshape(rows, WIDTH, UNITS)
    if isinstance(layer, layers.OverParameterizedAdaptiveDense):
        left = weight(layer, "input_factor_left") @ weight(layer, "input_factor_right")
        right = weight(layer, "output_factor_left")
        right = right @ weight(layer, "output_factor_right")
        return left @ flat.reshape(rows, RANK, RANK) @ right
    if isinstance(layer, layers.SharedAdaptiveDense):
        cores = flat.reshape(rows, RANK, RANK)
        return weight(layer, "input_factor") @ cores @ weight(layer, "output_factor")
    sizes = [WIDTH * RANK, WIDTH * RANK + RANK * RANK]
    left, core, right = np.split(flat, sizes, axis=1)
    left, core = left.reshape(rows, WIDTH, RANK), core.reshape(rows, RANK, RANK)
    return left @ core @ right.reshape(rows, RANK, UNITS)


def expected(layer, inputs, condition):
    """The outputs by definition."""
    outputs = np.einsum("rm,rmn->rn", inputs, matrices(layer, condition))
    return outputs + np.asarray(layer.bias) if layer.use_bias else outputs


def agree(found, wanted):
    """To 1e-5 of the largest number."""
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=0, atol=1e-5 * scale)


def span(rows_of_matrices):
    """Dimension of the space that the columns `W_i` map to, of all rows together."""
    stacked = np.concatenate(list(rows_of_matrices), axis=0)  # (rows * width, units)
    return np.linalg.matrix_rank(stacked, tol=1e-6 * np.abs(stacked).max())
