"""From frames of raw examples to batches of encoded tensors (`tf.data`)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tfctr.data.cells import Array
from tfctr.data.learning import learnt_columns
from tfctr.data.targets import targets
from tfctr.errors import InputError
from tfctr.features import FeatureSchema, frame_to_arrays
from tfctr.features.packing import pack

if TYPE_CHECKING:
    import tensorflow as tf

    from tfctr.features import SchemaState

# TensorFlow loads inside the functions: Beam workers import this package without it.

__all__ = ["batched", "encode_frame", "in_batches", "learnt", "to_dataset"]

ROWS_PER_CHUNK = 16_384


def to_dataset(
    frame: pd.DataFrame,
    state: "SchemaState | FeatureSchema",
    batch_size: int = 1024,
    *,
    shuffle: bool = True,
    seed: int = 0,
    packed: bool = False,
) -> "tf.data.Dataset":
    """Batches of encoded features, labels and, where the schema has them, weights.

    Args:
        frame: Raw examples, with the schema's columns and labels.
        state: What `schema.fit` learnt; a schema alone serves if it learns nothing.
        batch_size: Examples in a batch; the last one may hold fewer.
        shuffle: Gives each pass over the data a new order.
        seed: Seed of these orders.
        packed: Gives few wide tensors (see `tfctr.data.unpack`).

    Returns:
        A dataset of `(x, y)` or `(x, y, w)`: encoded tensors with `group_id`, float32
        labels `(batch,)` by name and float32 weights `(batch,)` by label, 0 where it
        is not observed.

    Raises:
        InputError: A column does not hold what is declared, or a label that counts is
            neither 0 nor 1.
    """
    learned = learnt(state)
    arrays = encode_frame(frame, learned)
    if packed:
        arrays = (pack(learned.schema, arrays[0]), *arrays[1:])
    return batched(arrays, batch_size, shuffle=shuffle, seed=seed)


def encode_frame(
    frame: pd.DataFrame, state: "SchemaState"
) -> tuple[Mapping[str, Array], ...]:
    """Encoded features, labels and, if the schema has them, weights of a frame."""
    if not len(frame):
        raise InputError("frame", received="no rows", expected="at least one example")
    labels, weights = targets(frame, state.schema)
    chunks = [
        {
            name: tensor.numpy()
            for name, tensor in state.encode(
                frame_to_arrays(state.schema, frame[start : start + ROWS_PER_CHUNK])
            ).items()
        }
        for start in range(0, len(frame), ROWS_PER_CHUNK)
    ]
    x = {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}
    return (x, labels, weights) if state.schema.has_weights else (x, labels)


def batched(
    arrays: tuple[Mapping[str, Array], ...],
    batch_size: int,
    *,
    shuffle: bool,
    seed: int = 0,
) -> "tf.data.Dataset":
    """Batches rows of the arrays; whole batches are gathered, never single rows."""
    import tensorflow as tf

    tensors = tf.nest.map_structure(tf.convert_to_tensor, arrays)

    def rows_at(chosen: Any) -> Any:
        return tf.nest.map_structure(lambda t: tf.gather(t, chosen), tensors)

    rows = len(next(iter(arrays[0].values())))
    return in_batches(rows, rows_at, batch_size, shuffle=shuffle, seed=seed)


def in_batches(
    rows: int,
    rows_at: Callable[[Any], Any],
    batch_size: int,
    *,
    shuffle: bool,
    seed: int = 0,
    arrange: Callable[[Any, Any], Any] | None = None,
) -> "tf.data.Dataset":
    """Batches of `rows` things, each made whole by `rows_at` from their numbers.

    `arrange` may put a shuffled order, and the pass' random number, into another one.
    """
    import tensorflow as tf

    if batch_size < 1:
        raise InputError("batch_size", received=batch_size, expected="at least 1")

    def batches_in(order: Any) -> Any:
        def batch(number: Any) -> Any:
            return rows_at(order[number * batch_size : (number + 1) * batch_size])

        numbers = tf.data.Dataset.range(-(-rows // batch_size))
        return numbers.map(batch, num_parallel_calls=2)

    def shuffled(draw: Any) -> Any:
        places = tf.range(rows)
        order = tf.random.experimental.stateless_shuffle(places, (seed, draw))
        order = order if arrange is None else arrange(order, draw)
        return batches_in(order)

    if not shuffle:
        return batches_in(tf.range(rows)).prefetch(2)
    # One permutation a pass: to shuffle single rows takes as long as to train on them.
    draws = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    batches = draws.flat_map(shuffled)
    count = tf.data.experimental.assert_cardinality(-(-rows // batch_size))
    return batches.apply(count).prefetch(2)


def learnt(state: "SchemaState | FeatureSchema") -> "SchemaState":
    """The state, also of a schema alone if it learns nothing from data."""
    from tfctr.features import SchemaState

    if not isinstance(state, FeatureSchema):
        return state
    for column in learnt_columns(state)[:1]:
        raise InputError(
            "state",
            received=f"a schema that learns `{column.name}` from data",
            expected="the state with what it learnt",
            hint="Call `state = schema.fit(train)` and give `state`.",
        )
    return SchemaState(state, {}, {})
