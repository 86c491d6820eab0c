"""Laws of layers about weights and shapes."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfctr.testing.verdicts import require

__all__ = [
    "check_build_is_complete",
    "check_symbolic_agrees",
    "perturb",
    "shapes_of",
    "symbols_of",
    "weight_shapes_of",
]


def shapes_of(tensors: Any) -> Any:
    """Shapes of a structure of tensors; one shape for one tensor."""
    if hasattr(tensors, "shape"):
        return tuple(tensors.shape)
    if isinstance(tensors, dict):
        return {name: shapes_of(value) for name, value in tensors.items()}
    return type(tensors)(shapes_of(value) for value in tensors)


def weight_shapes_of(layer: Any) -> dict[str, tuple[int, ...]]:
    """Shape of each weight by its path inside the layer."""
    weights = [w for w in layer.weights if "seed_generator" not in w.path]
    return {w.path.split("/", 1)[-1]: tuple(w.shape) for w in weights}


def symbols_of(inputs: Any, name: str | None = None) -> Any:
    """Symbolic tensors like `inputs`, of unknown batch size, named as in its dicts."""
    if isinstance(inputs, dict):
        return {key: symbols_of(value, key) for key, value in inputs.items()}
    return keras.Input(inputs.shape[1:], dtype=inputs.dtype.name, name=name)


def perturb(layer: Any, seed: int = 0) -> None:
    """Adds noise to every trainable weight, so that none stays at a neutral value."""
    rng = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        noise = rng.normal(0.0, 0.1, tuple(weight.shape))
        weight.assign(np.asarray(weight) + noise.astype("float32"))


def check_build_is_complete(
    make: Callable[..., Any], inputs: dict[str, Any], made: dict[str, Any]
) -> None:
    """Holds `build` to making, from shapes alone, what the first call made."""
    layer = make()
    if not made:
        return
    shapes = {f"{name}_shape": shapes_of(value) for name, value in inputs.items()}
    if len(shapes) == 1:
        layer.build(*shapes.values())
    else:
        layer.build(**shapes)
    built = weight_shapes_of(layer)
    require(
        built == made,
        "`build` makes every weight, from shapes alone",
        f"It made {built}, the first call {made}.",
    )


def check_symbolic_agrees(
    make: Callable[..., Any], inputs: dict[str, Any], output_shape: Any
) -> None:
    """Holds the shape of a symbolic call to that of a real one."""
    symbolic = shapes_of(make()(**symbols_of(inputs)))
    expected = _with_unknown_batch(output_shape)
    require(
        symbolic == expected,
        "the symbolic output has the shape of the real one, with unknown batch",
        f"It is {symbolic} instead of {expected}.",
    )


def _with_unknown_batch(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {name: _with_unknown_batch(value) for name, value in shape.items()}
    if shape and not isinstance(shape[0], int):
        return type(shape)(_with_unknown_batch(value) for value in shape)
    return (None, *shape[1:])
