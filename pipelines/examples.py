"""Reading examples: transformed ones for training, raw ones for checks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.data.requests import request_batches
from tfctr.features import GROUP_ID, FeatureSchema
from tfctr.features.examples import encoded_parsing_spec
from tfctr.types import Tensor

__all__ = [
    "raw_records",
    "training_dataset",
    "training_requests",
    "transformed_spec",
]

# Serialised examples kept for shuffling; 40 MB at 300 bytes each.
SHUFFLE_BUFFER = 1 << 17
ROWS_AT_ONCE = 8192
Batch = tuple[dict[str, Tensor], ...]


def transformed_spec(schema: FeatureSchema) -> dict[str, Any]:
    """Spec of transformed examples: everything dense, ids as int64, all labels."""
    label = tf.io.FixedLenFeature((), tf.float32)
    labels = dict.fromkeys(schema.label_columns(), label)
    return encoded_parsing_spec(schema) | labels


def training_dataset(
    schema: FeatureSchema,
    files: list[str],
    batch_size: int,
    *,
    shuffle_seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of transformed examples, parsed a batch at a time.

    Args:
        schema: The schema with sizes.
        files: Compressed record files.
        batch_size: Examples in a batch; the last one may hold fewer.
        shuffle_seed: Shuffles with this seed, each pass anew; in order without.

    Returns:
        A dataset of `(x, y)`, or `(x, y, w)` where the schema has weights: encoded
        tensors by name, float32 labels and weights `(batch,)` by label.
    """
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    if shuffle_seed is not None:
        records = records.shuffle(SHUFFLE_BUFFER, seed=shuffle_seed)
    spec = transformed_spec(schema)
    dtypes = {column.name: column.dtype for column in schema.encoded_columns()}

    def parse(serialized: Tensor) -> Batch:
        parsed = tf.io.parse_example(serialized, spec)
        y, w = _targets(schema, parsed)
        x = {name: tf.cast(parsed[name], dtype) for name, dtype in dtypes.items()}
        x[GROUP_ID] = parsed[GROUP_ID]
        return (x, y, w) if schema.has_weights else (x, y)

    batches = records.batch(batch_size)
    return batches.map(parse, tf.data.AUTOTUNE, deterministic=True).prefetch(2)


def training_requests(
    schema: FeatureSchema,
    files: list[str],
    batch_size: int,
    *,
    max_candidates: int | None = None,
    shuffle_seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of whole requests of transformed examples.

    The examples of a request may be in any of the files, so that all are read into
    memory once.

    Args:
        schema: The schema with sizes.
        files: Compressed record files.
        batch_size: Requests in a batch.
        max_candidates: Requests with more candidates become several.
        shuffle_seed: Shuffles with this seed, each pass anew; in order without.

    Returns:
        A dataset of `(x, y, w)`; see `tfctr.data.to_requests`.
    """
    batches = training_dataset(schema, files, ROWS_AT_ONCE).as_numpy_iterator()
    arrays = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)
    return request_batches(
        schema,
        arrays,
        batch_size,
        max_candidates=max_candidates,
        shuffle=shuffle_seed is not None,
        seed=shuffle_seed or 0,
    )


def raw_records(files: list[str], count: int) -> list[bytes]:
    """The first `count` serialised examples."""
    records = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP")
    return list(records.take(count).as_numpy_iterator())


def _targets(
    schema: FeatureSchema, parsed: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Labels and weights, both 0 where a label is not observed; ripeness is 1 there."""
    declared = {label.name: label for label in schema.labels}
    observed: dict[str, Tensor] = {}

    def is_observed(name: str) -> Tensor:
        if name not in observed:
            other = declared[name].observed_if
            known = tf.math.is_finite(parsed[name])
            observed[name] = (
                known
                if other is None
                else known & is_observed(other) & (parsed[other] == 1)
            )
        return observed[name]

    labels, weights = {}, {}
    for name, label in declared.items():
        counts = tf.cast(is_observed(name), tf.float32)
        weight = tf.ones_like(counts) if label.weight is None else parsed[label.weight]
        labels[name] = tf.where(is_observed(name), parsed[name], 0.0)
        weights[name] = tf.where(counts > 0, weight, 0.0)
        if label.ripeness is not None:
            share = parsed[label.ripeness]
            weights[label.ripeness] = tf.where(counts > 0, share, 1.0)
    return labels, weights
