"""Whether Transform encodes as the served model does."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.features import SchemaState, parse_examples
from tfctr.pipelines.preprocessing import sparse_spec

__all__ = ["skewed_features"]

RECORDS_IN_A_BATCH = 1024


def skewed_features(
    transform: Any, state: SchemaState, records: list[bytes]
) -> list[str]:
    """Features that training has seen otherwise than the served model sees them.

    Args:
        transform: A `tft.TFTransformOutput`, which has encoded the training data.
        state: What the served model encodes with.
        records: Serialised raw examples.

    Returns:
        Names of the encoded columns of which any value differs in any example.
    """
    spec = sparse_spec(state.schema)
    skewed: dict[str, None] = {}
    for start in range(0, len(records), RECORDS_IN_A_BATCH):
        batch = tf.constant(records[start : start + RECORDS_IN_A_BATCH])
        trained = transform.transform_raw_features(tf.io.parse_example(batch, spec))
        served = state.encode(parse_examples(state.schema, batch))
        for name, values in served.items():
            if not np.array_equal(trained[name].numpy(), values.numpy()):
                skewed[name] = None
    return list(skewed)
