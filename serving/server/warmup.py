"""Warm-up requests that travel with a model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from tfctr.errors import InputError
from tfctr.serving.server.model import DEFAULT_SIGNATURE
from tfctr.serving.server.refusals import Refusal, refusal_from
from tfctr.serving.tensors import decode

__all__ = ["WARMUP_FILE", "warm_up"]

WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000  # the limit of TF Serving

Predict = Callable[[str, dict[str, np.ndarray]], object]


def warm_up(folder: Path, predict: Predict) -> int:
    """Runs the warm-up requests in a model's folder; 0 where there are none.

    Args:
        folder: `<base>/<version>`.
        predict: Runs a signature on arrays.

    Returns:
        Number of requests that ran.

    Raises:
        InputError: The file is no TFRecord file.
        Refusal: A record is no predict request, or the model refused it.
    """
    file = folder / WARMUP_FILE
    if not file.exists():
        return 0
    count = 0
    try:
        for record in tf.data.TFRecordDataset(str(file)).take(MAX_RECORDS):
            _run(file, count, record.numpy(), predict)
            count += 1
    except tf.errors.DataLossError as error:
        raise InputError(
            str(file), received=error.message, expected="a TFRecord file"
        ) from error
    return count


def _run(file: Path, number: int, record: bytes, predict: Predict) -> None:
    try:
        request = _request(record)
        arrays = {name: decode(name, request.inputs[name]) for name in request.inputs}
        predict(request.model_spec.signature_name or DEFAULT_SIGNATURE, arrays)
    except Exception as error:  # any failure is told with the record that caused it
        refusal = refusal_from(error)
        text = f"{file}, record {number}: {refusal.text}"
        raise Refusal(refusal.code, text) from error


def _request(record: bytes) -> predict_pb2.PredictRequest:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise InputError(
            "warm-up request", received=str(error), expected="a PredictionLog"
        ) from error
    kind = log.WhichOneof("log_type")
    if kind != "predict_log":
        raise InputError("warm-up request", received=kind, expected="predict_log")
    return log.predict_log.request
