"""Laws of layers."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import tree

from tfctr.testing.configs import check_config
from tfctr.testing.layer_behaviour import (
    check_gradients_arrive,
    check_mixed_precision,
    check_padding_does_not_matter,
    check_rows_are_independent,
    check_saved_file,
)
from tfctr.testing.layer_structure import (
    check_build_is_complete,
    check_symbolic_agrees,
    perturb,
    shapes_of,
    weight_shapes_of,
)
from tfctr.testing.verdicts import require

__all__ = ["check_layer"]


def check_layer(
    cls: Any,
    init_kwargs: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    output_shape: Any,
    weight_shapes: Mapping[str, tuple[int, ...]],
    mixed_dtype: str = "bfloat16",
    mixed_tolerance: float | None = 0.05,
    padded_with: Mapping[str, Sequence[str]] | None = None,
    rows_are_independent: bool = True,
) -> None:
    """Fails on the first law that the layer `cls(**init_kwargs)` breaks on `inputs`.

    The laws: the config has every constructor name, is JSON, equals what was passed,
    survives build and `from_config`; outputs and weights have the stated shapes;
    `build` makes all weights from shapes alone; the symbolic output has the shape of
    the real one, with unknown batch; a gradient reaches every trainable weight; a row
    does not depend on other rows; padding equals truncation for every input `e` that
    has an argument `e_mask`; a `.keras` file gives equal outputs; under mixed
    precision outputs are bfloat16, finite and near, weights float32.

    Args:
        cls: The class.
        init_kwargs: Arguments of the constructor, none of them a default.
        inputs: Arguments of `call` by name: arrays, or dicts of arrays, with at least
            two rows. Batch, time and channel sizes should differ.
        output_shape: Shape of the output, or a structure of shapes.
        weight_shapes: Shape of every weight by its path inside the layer.
        mixed_dtype: Dtype of the output under `mixed_bfloat16`.
        mixed_tolerance: Largest difference between both precisions, in proportion to
            the largest output; `None` where a small change may flip the output.
        padded_with: For each mask argument the inputs that share its time axis. By
            default all whose second dimension is that of the masked input.
        rows_are_independent: `False` for layers that look across the batch.

    Raises:
        AssertionError: A law is broken; its text says which.
    """
    arrays: dict[str, Any] = tree.map_structure(_as_keras_would, dict(inputs))

    def make(**kwargs: Any) -> Any:
        return cls(**{**init_kwargs, **kwargs})

    layer = make()
    output = layer(**arrays)
    check_config(cls, layer, init_kwargs)
    law = "outputs and weights have the stated shapes"
    require(
        shapes_of(output) == output_shape,
        law,
        f"The output has {shapes_of(output)} instead of {output_shape}.",
    )
    made = weight_shapes_of(layer)
    require(made == dict(weight_shapes), law, f"The weights are {made}.")
    check_build_is_complete(make, arrays, made)
    check_symbolic_agrees(make, arrays, output_shape)

    # Fresh weights may be zeros or ones, and such a layer hides faults.
    perturb(layer)
    check_gradients_arrive(layer, arrays)
    if rows_are_independent:
        check_rows_are_independent(layer, arrays)
    check_padding_does_not_matter(layer, arrays, padded_with)
    check_saved_file(layer, arrays)
    check_mixed_precision(make, layer, arrays, mixed_dtype, mixed_tolerance)


def _as_keras_would(values: Any) -> Any:
    return values.astype("float32") if values.dtype.kind == "f" else values
