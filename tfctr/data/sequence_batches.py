"""From frames of user sequences to batches as wide as their longest row (`tf.data`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tfctr.data.batches import in_batches, learnt
from tfctr.data.cells import Array, as_objects
from tfctr.errors import InputError
from tfctr.features import FeatureSchema, frame_to_arrays
from tfctr.features.columns import Column
from tfctr.features.frames import dense_column
from tfctr.features.sequence_columns import (
    check_sequence_schema,
    step_column,
    visible_column,
    weight_column,
)

if TYPE_CHECKING:
    import tensorflow as tf

    from tfctr.features import SchemaState

__all__ = [
    "EncodedSequences",
    "encode_sequences",
    "sequence_batches",
    "sequences_to_dataset",
]

# Rows of so many batches are sorted by length before they are cut into batches.
BATCHES_A_BUCKET = 16


def sequences_to_dataset(
    frame: pd.DataFrame,
    state: "SchemaState | FeatureSchema",
    batch_size: int = 32,
    *,
    shuffle: bool = True,
    seed: int = 0,
) -> "tf.data.Dataset":
    """Batches of user sequences, each padded to its own longest row.

    Shuffled, 16 batches at a time are drawn together and sorted by length, so that a
    batch holds rows of much the same length; the batches then come in random order.
    What a pass computes follows the real lengths, not the longest user.

    Args:
        frame: What `build_user_sequences` made.
        state: What `schema.fit` learnt; a schema alone serves if it learns nothing.
        batch_size: Rows (users, or pieces of long users) in a batch; some may hold
            fewer.
        shuffle: Gives each pass over the data a new order; else the frame's.
        seed: Seed of these orders.

    Returns:
        A dataset of `(x, y, w)`: `x` has encoded user tensors `(batch, ...)` with
        `group_id`, encoded sequence tensors `(batch, positions, ...)` and int32
        `<sequence>_visible` `(batch, positions)`; `y` and `w` have float32
        `(batch, positions)` by label, `w` 0 where it does not count. Padding stands
        at the end: ids and numbers 0, times -1.

    Raises:
        InputError: A column does not hold what is declared.
    """
    encoded = encode_sequences(frame, learnt(state))
    return sequence_batches(encoded, batch_size, shuffle=shuffle, seed=seed)


@dataclass(frozen=True, eq=False)
class EncodedSequences:
    """Encoded rows of a frame, without padding.

    Attributes:
        users: Arrays `(rows, ...)`.
        steps: Arrays `(positions, ...)` of all rows, one behind the other.
        lengths: Positions of each row, int64 `(rows,)`.
        labels: Their names; `steps` has labels and weights under their columns.
        missing: What pads each of `steps`.
    """

    users: Mapping[str, Array]
    steps: Mapping[str, Array]
    lengths: Array
    labels: tuple[str, ...]
    missing: Mapping[str, float]


def encode_sequences(frame: pd.DataFrame, state: "SchemaState") -> EncodedSequences:
    """Encodes a frame of user sequences with the state's one encoding."""
    schema = state.schema
    check_sequence_schema(schema)
    if not len(frame):
        raise InputError("frame", received="no rows", expected="at least one user")
    users = state.encode(frame_to_arrays(schema, frame, ("user",)))
    columns = schema.raw_columns(("sequence",))
    lengths = _lengths(frame, columns[0].name)
    flat = {c.name: _flat(frame, c, lengths) for c in columns}
    labels = tuple(label.name for label in schema.labels)
    steps = {name: t.numpy() for name, t in state.encode(flat).items()}
    missing = {
        name: -1.0 if values.dtype == np.int64 else 0.0
        for name, values in steps.items()
    }
    for sequence in schema.sequences:
        name = visible_column(sequence)
        steps[name] = _concatenated(frame, name, lengths).astype("int32")
    for name in labels:
        for column in (name, weight_column(name)):
            numbers = _concatenated(frame, column, lengths)
            steps[column] = numbers.astype("float32")
    _check(schema, steps, flat, lengths)
    return EncodedSequences(
        {name: tensor.numpy() for name, tensor in users.items()},
        steps,
        lengths,
        labels,
        missing,
    )


def sequence_batches(
    encoded: EncodedSequences, batch_size: int, *, shuffle: bool, seed: int = 0
) -> "tf.data.Dataset":
    """Batches of encoded rows; see `sequences_to_dataset`."""
    import tensorflow as tf

    rows, lengths = len(encoded.lengths), tf.constant(encoded.lengths, tf.int32)
    longest = int(encoded.lengths.max())
    users = tf.nest.map_structure(tf.convert_to_tensor, dict(encoded.users))
    steps = {
        name: tf.RaggedTensor.from_row_lengths(values, encoded.lengths)
        for name, values in encoded.steps.items()
    }

    def batch_of(chosen: Any) -> Any:
        x = {name: tf.gather(values, chosen) for name, values in users.items()}
        for name, values in steps.items():
            padding = tf.cast(encoded.missing.get(name, 0), values.dtype)
            x[name] = tf.gather(values, chosen).to_tensor(padding)
        y = {name: x.pop(name) for name in encoded.labels}
        w = {name: x.pop(weight_column(name)) for name in encoded.labels}
        return x, y, w

    def arrange(order: Any, draw: Any) -> Any:
        rank = tf.range(rows) // (batch_size * BATCHES_A_BUCKET) * (longest + 1)
        order = tf.gather(order, tf.argsort(rank + tf.gather(lengths, order)))
        whole = rows // batch_size * batch_size
        batches = tf.reshape(order[:whole], (-1, batch_size))
        batches = tf.random.experimental.stateless_shuffle(batches, (seed + 1, draw))
        return tf.concat([tf.reshape(batches, (-1,)), order[whole:]], 0)

    return in_batches(
        rows, batch_of, batch_size, shuffle=shuffle, seed=seed, arrange=arrange
    )


def _lengths(frame: pd.DataFrame, name: str) -> Array:
    if name not in frame:
        raise InputError(
            name,
            received=f"a frame with the columns {', '.join(map(str, frame))}",
            expected="a column of that name",
            hint="`build_user_sequences` makes such frames.",
        )
    return np.fromiter((len(cell) for cell in frame[name]), "int64", len(frame))


def _concatenated(frame: pd.DataFrame, name: str, lengths: Array) -> Array:
    """The cells of a column one behind the other, as long as those of the first."""
    found = _lengths(frame, name)
    for row in np.flatnonzero(found != lengths)[:1]:
        raise InputError(
            name,
            received=f"{found[row]} values in row {row}",
            expected=f"{lengths[row]}, one for each position of the row",
        )
    cells = [c if isinstance(c, np.ndarray) else as_objects(c) for c in frame[name]]
    return np.concatenate(cells)


def _flat(frame: pd.DataFrame, column: Column, lengths: Array) -> Array:
    """Raw values of all positions, `(positions, ...)`."""
    values = _concatenated(frame, column.name, lengths)
    return dense_column(step_column(column), values)


def _check(
    schema: FeatureSchema,
    steps: Mapping[str, Array],
    raw: Mapping[str, Array],
    lengths: Array,
) -> None:
    """Refuses labels that are neither 0 nor 1, and a history out of order."""
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)

    def refuse(name: str, wrong: Array, expected: str) -> None:
        for at in np.flatnonzero(wrong)[:1]:
            value = steps[name][at] if name in steps else raw[name][at]
            where = f"position {place[at]} of row {row[at]}"
            raise InputError(name, received=f"{value} at {where}", expected=expected)

    for label in schema.labels:
        weight = steps[weight_column(label.name)]
        fine = np.isfinite(weight) & (weight >= 0)
        refuse(weight_column(label.name), ~fine, "a weight of at least 0")
        wrong = (weight > 0) & ~np.isin(steps[label.name], (0.0, 1.0))
        refuse(label.name, wrong, "0 or 1")
    for sequence in schema.sequences:
        name = visible_column(sequence)
        visible = steps[name]
        refuse(name, (visible < 0) | (visible > place), "0 up to its own place")
        if sequence.timestamp is not None:
            time = f"{sequence.name}_{sequence.timestamp.name}"
            # What nobody knows, such as drawn negatives, need not be in order.
            known = np.zeros(len(lengths), "int64")
            np.maximum.at(known, row, visible)
            falls = np.append(False, np.diff(raw[time]) < 0)
            wrong = falls & (place > 0) & (place < known[row])
            refuse(time, wrong, "events in order of time, oldest first")
