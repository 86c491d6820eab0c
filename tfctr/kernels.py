"""Which kernels may be used: XLA lacks some that are faster on a CPU."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

from tfctr import native
from tfctr.types import Tensor

__all__ = [
    "compiled",
    "concat",
    "dense_gradients",
    "distinct",
    "gather",
    "is_compiled",
    "is_read_compiled",
    "is_surely_xla",
    "is_xla",
    "sum_rows",
    "xla",
]

_HALVES = (tf.float16, tf.bfloat16)
_IDS = (tf.int32, tf.int64)
# Without being told, a graph may be compiled by anybody.
_xla: ContextVar[bool | None] = ContextVar("tfctr_xla", default=None)
_dense: ContextVar[bool] = ContextVar("tfctr_dense_gradients", default=False)
# What others may load, such as an exported model, has TensorFlow's own kernels only.
_compiled: ContextVar[bool] = ContextVar("tfctr_compiled", default=False)


@contextmanager
def xla(is_on: bool) -> Iterator[None]:
    """Says whether what is traced inside is compiled by XLA.

    Args:
        is_on: Whether it is.
    """
    token = _xla.set(is_on)
    try:
        yield
    finally:
        _xla.reset(token)


@contextmanager
def dense_gradients(is_on: bool) -> Iterator[None]:
    """Says whether look-ups inside give dense gradients, for Keras' own optimizers.

    Args:
        is_on: Whether they do.
    """
    token = _dense.set(is_on)
    try:
        yield
    finally:
        _dense.reset(token)


@contextmanager
def compiled(is_on: bool) -> Iterator[None]:
    """Says whether what is traced inside may use the kernels of `tfctr.native`.

    Args:
        is_on: Whether it may, if they are there.
    """
    token = _compiled.set(is_on)
    try:
        yield
    finally:
        _compiled.reset(token)


def is_compiled(*values: Any) -> bool:
    """Whether the kernels of `tfctr.native` are to be used now.

    Args:
        *values: Variables and tensors that they would take: all must be float32.
    """
    if not _compiled.get() or is_xla() or tf.distribute.has_strategy():
        return False
    return native.is_loaded() and all(v.dtype == tf.float32 for v in values)


def is_read_compiled(table: Any) -> bool:
    """Whether rows of a table are now to be read by the kernels of `tfctr.native`.

    Args:
        table: A variable, or what stands for one.
    """
    is_variable = isinstance(table, tf.Variable) and not _dense.get()
    return is_variable and len(table.shape) == 2 and is_compiled(table)


def is_xla() -> bool:
    """Whether what is traced now may be compiled by XLA: then shapes must be static."""
    return _xla.get() is not False


def is_surely_xla() -> bool:
    """Whether it was said that what is traced now is compiled by XLA."""
    return _xla.get() is True


def gather(table: Tensor, places: Tensor) -> Tensor:
    """Rows `(n, dim)` of a `(rows, dim)` variable or tensor; sparse gradient.

    Args:
        table: What to read.
        places: `(n,)` integers.
    """
    if _dense.get():
        table = _with_dense_gradient(tf.convert_to_tensor(table))
    if is_read_compiled(table) and places.dtype in _IDS:
        return native.gather_rows(table, places)
    if is_xla():
        return tf.gather(table, places)
    # Two thirds of the time of `gather` for rows of 64 bytes. The gradient is sparse
    # for indices of exactly this shape.
    return tf.gather_nd(table, places[:, None])


def distinct(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Each id once, and where each of `ids` is among them; not for XLA.

    Args:
        ids: `(n,)` integers.

    Returns:
        `(distinct,)` ids in the order of their first places, and `(n,)` integers.
    """
    found, places = tf.unique(ids)
    return found, places


def concat(parts: Sequence[Tensor]) -> Tensor:
    """Tensors side by side on their last axis.

    Args:
        parts: `(..., width)` each, with static widths.
    """
    widths = [part.shape[-1] for part in parts]

    @tf.custom_gradient
    def side_by_side(*parts: Tensor) -> Any:
        # TensorFlow cuts the gradient into one slice a part, at half the speed.
        return tf.concat(parts, -1), lambda gradient: tf.split(gradient, widths, -1)

    return side_by_side(*map(tf.convert_to_tensor, parts))


def sum_rows(values: Tensor, places: Tensor, num_rows: Tensor) -> Tensor:
    """`(num_rows, dim)` sums of the rows of `values` with equal `places`.

    Args:
        values: `(n, dim)` floats; half-precision ones are summed in float32.
        places: `(n,)` integers in `[0, num_rows)`.
        num_rows: Number of rows of the result.
    """
    if values.dtype in _HALVES:
        # A sum of ones in bfloat16 would end at 256.
        sums = sum_rows(tf.cast(values, tf.float32), places, num_rows)
        return tf.cast(sums, values.dtype)
    if is_xla() or values.dtype != tf.float32 or values.shape.rank != 2:
        return tf.math.unsorted_segment_sum(values, places, num_rows)
    # The product with a sparse matrix of ones: a quarter of the time of
    # `unsorted_segment_sum`, which makes an Eigen expression of each row.
    steps = tf.range(tf.shape(values, tf.int64)[0])
    indices = tf.stack([tf.cast(places, tf.int64), steps], axis=1)
    ones = tf.ones_like(steps, values.dtype)
    shape = tf.stack([tf.cast(num_rows, tf.int64), tf.shape(values, tf.int64)[0]])
    matrix = tf.SparseTensor(indices, ones, shape)
    return tf.sparse.sparse_dense_matmul(matrix, values)


@tf.custom_gradient
def _with_dense_gradient(table: Tensor) -> Any:
    return tf.identity(table), tf.convert_to_tensor
