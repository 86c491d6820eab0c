"""Reading user sequences: raw records to encoded batches."""

import os
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from tfctr.data.sequence_batches import BATCHES_A_BUCKET
from tfctr.features import SchemaState
from tfctr.features.sequence_columns import visible_column, weight_column
from tfctr.features.sequence_examples import parse_sequence_examples
from tfctr.types import Tensor

__all__ = ["SEQUENCE_FILES", "is_sequence_file", "sequence_training_dataset"]

# How files of user sequences are named, beside those of examples.
SEQUENCE_FILES = "user_sequences"
# Serialised users kept for shuffling; 80 MB at 10 kB each.
SHUFFLE_BUFFER = 1 << 13


def is_sequence_file(path: str) -> bool:
    """Whether a file holds user sequences, and not examples."""
    return os.path.basename(path).startswith(SEQUENCE_FILES)


def sequence_training_dataset(
    state: SchemaState,
    files: Iterable[str],
    batch_size: int,
    *,
    shuffle_seed: int | None = None,
) -> tf.data.Dataset:
    """Batches as `tfctr.data.sequences_to_dataset` makes them, from record files.

    Args:
        state: What was learnt; it encodes as Transform does.
        files: Compressed files of raw user sequences.
        batch_size: Rows in a batch; some may hold fewer.
        shuffle_seed: Shuffles with this seed, each pass anew, and puts rows of similar
            length together; in order without.
    """
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    if shuffle_seed is None:
        chosen = records.batch(batch_size)
    else:
        records = records.shuffle(SHUFFLE_BUFFER, seed=shuffle_seed)
        windows = records.batch(batch_size * BATCHES_A_BUCKET)

        def by_length(serialized: Tensor) -> tf.data.Dataset:
            _, steps = parse_sequence_examples(state.schema, serialized)
            lengths = steps[state.schema.labels[0].name].row_lengths()
            ordered = tf.gather(serialized, tf.argsort(lengths))
            return tf.data.Dataset.from_tensor_slices(ordered).batch(batch_size)

        chosen = windows.flat_map(by_length)
        chosen = chosen.shuffle(BATCHES_A_BUCKET, seed=shuffle_seed)

    def encode(serialized: Tensor) -> tuple[dict[str, Tensor], ...]:
        return _encoded(state, serialized)

    return chosen.map(encode, tf.data.AUTOTUNE, deterministic=True).prefetch(2)


def _encoded(state: SchemaState, serialized: Tensor) -> tuple[dict[str, Tensor], ...]:
    schema = state.schema
    users, steps = parse_sequence_examples(schema, serialized)
    splits = steps[schema.labels[0].name].row_splits

    def dense(values: Tensor) -> Tensor:
        padding = -1 if values.dtype == tf.int64 else 0
        ragged: Any = tf.RaggedTensor.from_row_splits(values, splits, validate=False)
        return ragged.to_tensor(tf.cast(padding, values.dtype))

    x = state.encode(users)
    raw = {c.name: steps[c.name].values for c in schema.raw_columns(("sequence",))}
    x |= {name: dense(values) for name, values in state.encode(raw).items()}
    for sequence in schema.sequences:
        name = visible_column(sequence)
        x[name] = dense(tf.cast(steps[name].values, tf.int32))
    labels = [label.name for label in schema.labels]
    y = {name: dense(steps[name].values) for name in labels}
    w = {name: dense(steps[weight_column(name)].values) for name in labels}
    return x, y, w
