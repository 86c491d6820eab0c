"""The compiled kernels as TensorFlow operations, with their gradients."""

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfctr.native.building import built_file
from tfctr.types import Tensor

__all__ = [
    "factorization",
    "gather_rows",
    "is_loaded",
    "pooled_attention",
    "table_factorization",
    "update_rows",
]


@functools.cache
def _operations() -> Any:
    """The module of the operations, or `None` where they are not compiled."""
    path = built_file()
    # On a GPU their inputs would be on another device.
    if path is None or tf.config.list_physical_devices("GPU"):
        return None
    return tf.load_op_library(str(path))


def is_loaded() -> bool:
    """Whether the kernels are compiled and can be used on this machine."""
    return _operations() is not None


def gather_rows(table: tf.Variable, places: Tensor) -> Tensor:
    """Rows `(n, width)` of a float32 variable; the gradient holds these rows only.

    Args:
        table: `(rows, width)`.
        places: `(n,)` int32 or int64.
    """
    # Tells a gradient tape of the variable, as the look-ups of TensorFlow do.
    tf.gather_nd(table, tf.zeros((0, 1), tf.int32))
    return _operations().tfctr_gather_rows(
        table=table.handle, ids=places, width=table.shape[1]
    )


@tf.RegisterGradient("TfctrGatherRows")
def _gather_rows_gradient(operation: Any, gradient: Tensor) -> list[Any]:
    handle, ids = operation.inputs
    shape = tf.raw_ops.VariableShape(input=handle, out_type=tf.int32)
    return [tf.IndexedSlices(gradient, ids, shape), None]


def update_rows(
    rule: str,
    table: tf.Variable,
    slots: Sequence[tf.Variable],
    gradient: tf.IndexedSlices,
    kept: Tensor,
    numbers: Sequence[Tensor],
) -> Any:
    """Updates the rows that a gradient names, each once, by the sum of its parts.

    Args:
        rule: Of `rows.cc`.
        table: Float32 `(rows, width)`.
        slots: What the optimizer remembers, in the rule's order.
        gradient: Rows in any number and order.
        kept: What a row is multiplied with before, for weight decay.
        numbers: Of the rule, the learning rate first.
    """
    return _operations().tfctr_update_rows(
        table=table.handle,
        slots=[slot.handle for slot in slots],
        ids=gradient.indices,
        gradient=gradient.values,
        kept=tf.cast(kept, tf.float32),
        numbers=tf.stack([tf.cast(number, tf.float32) for number in numbers]),
        rule=rule,
    )


def factorization(rows: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """What a factorisation machine and the layers beside it take from table rows.

    Args:
        rows: Float32 `(batch, fields, dim + rest)`.
        dim: Width of the vectors, which come first in each row.

    Returns:
        The vectors side by side, `(batch, fields * dim)`; the sums of the rest over
        the fields, `(batch, rest)`; the sum of the dot products of all pairs of
        vectors, `(batch, 1)`.
    """
    return tuple(_operations().tfctr_factorization(rows=rows, dim=dim))


@tf.RegisterGradient("TfctrFactorization")
def _factorization_gradient(operation: Any, *upstream: Tensor) -> Tensor:
    gradient = _operations().tfctr_factorization_gradient(
        vectors=operation.outputs[0],
        vectors_gradient=upstream[0],
        weights_gradient=upstream[1],
        pairs_gradient=upstream[2],
        dim=operation.get_attr("dim"),
    )
    return tf.ensure_shape(gradient, operation.inputs[0].shape)


def table_factorization(
    table: tf.Variable, places: Tensor, dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    """`factorization` of rows of a table; the gradient holds these rows only.

    Args:
        table: Float32 `(rows, dim + rest)`.
        places: `(batch, fields)` int32 or int64.
        dim: Width of the vectors, which come first in each row.
    """
    # Tells a gradient tape of the variable, as the look-ups of TensorFlow do.
    tf.gather_nd(table, tf.zeros((0, 1), tf.int32))
    return tuple(
        _operations().tfctr_table_factorization(
            table=table.handle, ids=places, dim=dim, width=table.shape[1]
        )
    )


@tf.RegisterGradient("TfctrTableFactorization")
def _table_factorization_gradient(operation: Any, *upstream: Tensor) -> list[Any]:
    handle, ids = operation.inputs
    gradient = _operations().tfctr_factorization_gradient(
        vectors=operation.outputs[0],
        vectors_gradient=upstream[0],
        weights_gradient=upstream[1],
        pairs_gradient=upstream[2],
        dim=operation.get_attr("dim"),
    )
    width = operation.get_attr("width")
    shape = tf.raw_ops.VariableShape(input=handle, out_type=tf.int32)
    rows = tf.reshape(gradient, (-1, width))
    return [tf.IndexedSlices(rows, tf.reshape(ids, (-1,)), shape), None]


def pooled_attention(
    candidates: Tensor,
    base: Tensor,
    events: Tensor,
    starts: Tensor,
    event_kernel: Tensor,
    product_kernel: Tensor,
    layers: Sequence[tuple[Tensor, Tensor]],
    score: tuple[Tensor, Tensor],
    *,
    softmax: bool,
) -> Tensor:
    """Events pooled by a scoring network of ReLU layers: `TargetAttention.pool`.

    Args:
        candidates: `(batch, dim)` float32, as all others but `starts`.
        base: `(batch, units)`, the candidates' part of the first layer with its bias.
        events: `(events, dim)`, those of a history together.
        starts: `(batch + 1,)` int64: the first event of each history, and their
            number.
        event_kernel: `(dim, units)` of the first layer.
        product_kernel: `(dim, units)`, for the product of candidate and event.
        layers: Kernel and bias of the further hidden layers.
        score: Kernel `(units, 1)` and bias `(1,)` of the score.
        softmax: Whether the scores of a history become weights that sum to one.

    Returns:
        `(batch, dim)`.
    """
    kernel, bias = score
    return _operations().tfctr_pooled_attention(
        candidates=candidates,
        base=base,
        events=events,
        starts=starts,
        event_kernel=event_kernel,
        product_kernel=product_kernel,
        kernels=[layer[0] for layer in layers],
        biases=[layer[1] for layer in layers],
        score_kernel=kernel,
        score_bias=bias,
        softmax=softmax,
    )


@tf.RegisterGradient("TfctrPooledAttention")
def _pooled_attention_gradient(operation: Any, upstream: Tensor) -> list[Any]:
    count = operation.get_attr("num_layers")
    inputs = list(operation.inputs)
    first, layers, last = inputs[:6], inputs[6 : 6 + 2 * count], inputs[6 + 2 * count :]
    found = _operations().tfctr_pooled_attention_gradient(
        candidates=first[0],
        base=first[1],
        events=first[2],
        starts=first[3],
        event_kernel=first[4],
        product_kernel=first[5],
        kernels=layers[:count],
        biases=layers[count:],
        score_kernel=last[0],
        score_bias=last[1],
        upstream=upstream,
        softmax=operation.get_attr("softmax"),
    )
    flat = tf.nest.flatten(list(found))
    return [*flat[:3], None, *flat[3:]]
