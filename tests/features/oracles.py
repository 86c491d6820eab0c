"""Plain Python versions of what `tfctr.features` computes, one value at a time."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import tensorflow as tf

from tfctr.features import Categorical, Numeric, Timestamp, Vector


def dense_cell(column, cell, shape=None):
    """One cell as nested lists of `column.shape`, padded with the missing value."""
    shape = column.shape if shape is None else shape
    missing = cell is None or (isinstance(cell, float) and math.isnan(cell))
    if not shape:
        return column.missing if missing else cell
    values = [] if missing else list(cell)
    is_history = column.sequence is not None and len(shape) == len(column.shape)
    kept = values[-shape[0] :] if is_history else values[: shape[0]]
    padded = [*kept, *[None] * (shape[0] - len(kept))]
    return [dense_cell(column, value, shape[1:]) for value in padded]


def dense_frame(schema, frame, roles=("user", "item", "context", "sequence")):
    """Raw arrays of a frame by column name."""
    dtypes = {"string": object, "int64": "int64", "float32": "float32"}
    return {
        column.name: np.array(
            [dense_cell(column, cell) for cell in frame[column.name]],
            dtypes[column.dtype],
        ).reshape(len(frame), *column.shape)
        for column in schema.raw_columns(roles)
    }


def bucket(text, buckets):
    """The hash that the documentation names: TensorFlow's fast one."""
    return int(tf.strings.to_hash_bucket_fast([text], buckets)[0])


def encode_id(vocabulary, values, value):
    text = "" if value in ("", -1) else str(value)
    if not text:
        return 0
    if vocabulary.num_hash_buckets is not None:
        return 1 + bucket(text, vocabulary.num_hash_buckets)
    if text in values:
        return 1 + vocabulary.num_oov + values.index(text)
    return 1 + bucket(text, vocabulary.num_oov)


def encode_number(feature, moments, value):
    if not math.isfinite(value):
        return 0.0
    if feature.transform == "log_standardize":
        value = math.log(1 + max(value, 0.0))
    mean, scale = (0.0, 1.0) if feature.transform == "none" else moments
    return (value - mean) / scale


def calendar_id(seconds, unit, zone):
    if seconds < 0:
        return 0
    local = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone))
    units = {
        "hour": local.hour,
        "weekday": local.weekday(),
        "day": local.day - 1,
        "month": local.month - 1,
    }
    return 1 + units[unit]


def calendar_value(seconds, unit, zone):
    local = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone))
    values = {
        "year": local.year,
        "month": local.month - 1,
        "day": local.day - 1,
        "day_of_year": local.timetuple().tm_yday - 1,
        "weekday": local.weekday(),
        "hour": local.hour,
        "minute": local.minute,
        "second": local.second,
        "second_of_day": local.hour * 3600 + local.minute * 60 + local.second,
    }
    return values[unit]


def encode_arrays(state, raw):
    """Encoded arrays of raw arrays, value by value."""
    schema, encoded = state.schema, {}
    for column in schema.raw_columns():
        feature, array = column.feature, raw[column.name]
        if isinstance(feature, Categorical):
            vocabulary = schema.vocabulary(feature.vocabulary)
            values = vocabulary.values or state.vocabularies.get(vocabulary.name, ())
            encoded[column.name] = _each(
                array, "int32", encode_id, vocabulary, list(values)
            )
        elif isinstance(feature, Numeric):
            moments = state.moments.get(column.name)
            encoded[column.name] = _each(
                array, "float32", encode_number, feature, moments
            )
        elif isinstance(feature, Vector):
            whole = np.isfinite(array).all(axis=-1, keepdims=True)
            encoded[column.name] = np.where(whole, array, 0.0)
        elif isinstance(feature, Timestamp):
            encoded[column.name] = array
            for unit in feature.calendar:
                encoded[f"{column.name}_{unit}"] = _each(
                    array,
                    "int32",
                    lambda u, z, s: calendar_id(s, u, z),
                    unit,
                    feature.time_zone,
                )
    return encoded


def _each(array, dtype, function, *first):
    flat = [function(*first, value) for value in array.reshape(-1).tolist()]
    return np.array(flat, dtype).reshape(array.shape)
