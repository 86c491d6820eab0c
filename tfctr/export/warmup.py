"""Warm-up requests, which TF Serving plays before it takes traffic."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.export.requests import ITEM_ROLES, USER_ROLES
from tfctr.features import FeatureSchema

__all__ = ["warmup_inputs", "write_warmup_requests"]

FILE_NAME = "tf_serving_warmup_requests"


def warmup_inputs(
    schema: FeatureSchema, signature: str, item_ids: Sequence[str]
) -> dict[str, np.ndarray]:
    """Inputs of one request to `signature`: one user of whom nothing is known.

    Args:
        schema: The declaration.
        signature: Name of the signature.
        item_ids: Ids to ask for.
    """
    if signature == "serving_default":
        return {"examples": np.array([tf.train.Example().SerializeToString()], object)}
    if signature == "item_encoder":
        return _missing(schema, ITEM_ROLES, (1,))
    inputs = _missing(schema, USER_ROLES, (1,))
    if signature == "retrieval":
        return inputs
    if signature == "ranking":
        return {**inputs, **_missing(schema, ITEM_ROLES, (1, len(item_ids)))}
    return {**inputs, "item_id": np.array([list(item_ids)], object)}


def write_warmup_requests(
    folder: Path,
    schema: FeatureSchema,
    item_ids: Sequence[str],
    signatures: Sequence[str],
    *,
    num_items: int = 100,
) -> bool:
    """Writes one request to each signature, as TF Serving reads them.

    Args:
        folder: The SavedModel's `assets.extra`.
        schema: The declaration.
        item_ids: Ids of the item store.
        signatures: Names of the signatures.
        num_items: Number of candidates in a request.

    Returns:
        Whether they were written; they need `tensorflow-serving-api`, without which
        a model is served all the same, its first requests slower.
    """
    if importlib.util.find_spec("tensorflow_serving") is None:
        return False
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    with tf.io.TFRecordWriter(str(folder / FILE_NAME)) as writer:
        for signature in signatures:
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature
            inputs = warmup_inputs(schema, signature, item_ids[:num_items])
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())
    return True


def _missing(
    schema: FeatureSchema, roles: Sequence[str], leading: tuple[int, ...]
) -> dict[str, Any]:
    dtypes: dict[str, Any] = {"string": object, "int64": "int64", "float32": "float32"}
    return {
        column.name: np.full(
            (*leading, *column.shape), column.missing, dtypes[column.dtype]
        )
        for column in schema.raw_columns(roles)
    }
