"""Laws of layers about what they compute."""

import inspect
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import tree
from numpy.typing import NDArray

from tfctr.testing.layer_structure import symbols_of
from tfctr.testing.verdicts import as_arrays, require, require_close, require_finite

__all__ = [
    "check_gradients_arrive",
    "check_mixed_precision",
    "check_padding_does_not_matter",
    "check_rows_are_independent",
    "check_saved_file",
    "require_gradients",
]

NUM_PADDED = 2


def require_gradients(layer: Any, call: Callable[[], Any]) -> None:
    """Holds every trainable weight of `layer` to have a say in what `call` gives."""
    import tensorflow as tf  # only the gradient needs it

    law = "a gradient reaches every trainable weight"
    with tf.GradientTape() as tape:
        outputs = [keras.ops.cast(out, "float32") for out in tree.flatten(call())]
        # Unlike factors, so that outputs that sum to a constant do not cancel.
        loss = sum(
            keras.ops.sum(
                out * (0.5 + np.linspace(0, 1, _size(out)).reshape(out.shape))
            )
            for out in outputs
        )
    weights = layer.trainable_weights
    for weight, gradient in zip(
        weights, tape.gradient(loss, [w.value for w in weights]), strict=True
    ):
        require(gradient is not None, law, f"{weight.path} has no part in the output.")
        values = np.asarray(tf.convert_to_tensor(gradient))
        require(np.any(values), law, f"The gradient of {weight.path} is zero.")


def check_gradients_arrive(layer: Any, inputs: dict[str, Any]) -> None:
    """Holds every trainable weight to have a gradient on noisy inputs.

    Zeros stay zeros: they may say that something is missing.
    """
    rng = np.random.default_rng(0)

    def add_noise(values: NDArray[Any]) -> NDArray[Any]:
        if values.dtype.kind != "f":
            return values
        noise: NDArray[Any] = rng.uniform(0, 1, values.shape).astype(values.dtype)
        return np.asarray(np.where(values == 0, values, values + noise))

    noisy = tree.map_structure(add_noise, inputs)
    require_gradients(layer, lambda: layer(**noisy))


def check_rows_are_independent(layer: Any, inputs: dict[str, Any]) -> None:
    """Holds each row's output to the row's own inputs, and to any batch size."""
    output = layer(**inputs)
    rows = len(tree.flatten(inputs)[0])
    for row in (0, rows - 1):
        pick = slice(row, row + 1)
        require_close(
            layer(**_take(inputs, pick)),
            _take(as_arrays(output), pick),
            "a row does not depend on the other rows",
        )


def check_padding_does_not_matter(
    layer: Any,
    inputs: dict[str, Any],
    padded_with: Mapping[str, Sequence[str]] | None,
) -> None:
    """Holds padding of every masked input equal to truncation."""
    arguments = inspect.signature(layer.call).parameters
    masks = [n for n in arguments if n.endswith("_mask") and n[:-5] in inputs]
    for mask in masks:
        length = inputs[mask[:-5]].shape[1]
        if padded_with is not None and mask in padded_with:
            names = set(padded_with[mask])
        else:
            names = {
                name
                for name, value in inputs.items()
                if value.ndim > 1 and value.shape[1] == length
            }
        _check_padding(layer, inputs, mask, names, length)


def _check_padding(
    layer: Any, inputs: dict[str, Any], mask: str, names: set[str], length: int
) -> None:
    rows = len(inputs[mask[:-5]])
    real = inputs.get(mask, np.ones((rows, length), bool)).astype(bool)
    padded_mask = np.pad(real, [(0, 0), (0, NUM_PADDED)])
    padded = {
        name: _pad(value) if name in names and name != mask else value
        for name, value in inputs.items()
    }
    short = layer(**{**inputs, mask: real})
    long = layer(**{**padded, mask: padded_mask})
    law = f"padding under `{mask}` equals truncation"
    for one, other in zip(tree.flatten(long), tree.flatten(short), strict=True):
        kept = one
        if one.ndim > 1 and one.shape[1] == length + NUM_PADDED != other.shape[1]:
            kept = one[:, :length]
        require_close(kept, other, law, rtol=1e-4, atol=1e-5)
    nothing = layer(**{**inputs, mask: np.zeros_like(real)})
    require_finite(nothing, f"a row without any event under `{mask}` is finite")


def check_saved_file(layer: Any, inputs: dict[str, Any]) -> None:
    """Holds a model with the layer, saved to a file and loaded, to equal outputs."""
    law = "a `.keras` file gives equal outputs"
    symbols = symbols_of(inputs)
    model = keras.Model(symbols, layer(**symbols))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        restored = keras.models.load_model(path)
    require_close(restored(inputs), model(inputs), law)


def check_mixed_precision(
    make: Callable[..., Any],
    layer: Any,
    inputs: dict[str, Any],
    dtype: str,
    tolerance: float | None,
) -> None:
    """Holds the layer under `mixed_bfloat16` to dtypes and to the exact output."""
    law = "under `mixed_bfloat16` outputs are of that dtype and weights float32"
    mixed = make(dtype="mixed_bfloat16")
    output = mixed(**inputs)
    for out in tree.flatten(output):
        found = keras.backend.standardize_dtype(out.dtype)
        if "float" in found:
            require(found == dtype, law, f"An output is {found}, not {dtype}.")
    for weight in mixed.trainable_weights:
        require(weight.dtype == "float32", law, f"{weight.path} is {weight.dtype}.")
    mixed.set_weights(layer.get_weights())
    output = as_arrays(mixed(**inputs))
    require_finite(output, "outputs are finite under `mixed_bfloat16`")
    if tolerance is not None:
        exact = as_arrays(layer(**inputs))
        scale = max(float(np.abs(leaf).max()) for leaf in tree.flatten(exact))
        require_close(
            output,
            exact,
            "under `mixed_bfloat16` outputs are near the exact ones",
            rtol=tolerance,
            atol=tolerance * scale,
        )


def _take(structure: Any, rows: slice) -> Any:
    return tree.map_structure(lambda values: values[rows], structure)


def _pad(values: NDArray[Any]) -> NDArray[Any]:
    """Longer by two steps, with events that are wrong but possible."""
    garbage = values[:, -1:] if values.dtype.kind != "f" else values[:, -1:] * 3 + 7
    return np.concatenate([values, *[garbage] * NUM_PADDED], axis=1)


def _size(tensor: Any) -> int:
    return int(np.prod(tuple(tensor.shape)))
