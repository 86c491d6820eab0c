"""The TFX schema: what ExampleValidator and Transform know of a feature schema."""

from collections.abc import Iterator

import numpy as np
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from tfctr.features import Categorical, Column, FeatureSchema, Vector

__all__ = ["tfx_schema", "tfx_schema_text"]

TYPES = {
    "string": schema_pb2.BYTES,
    "int64": schema_pb2.INT,
    "float32": schema_pb2.FLOAT,
}
# A fixed vocabulary has a row for unknown values, but if they are the majority it is
# most likely the wrong vocabulary.
MIN_KNOWN_SHARE = 0.5


def tfx_schema(schema: FeatureSchema) -> schema_pb2.Schema:
    """Declares every raw column, label and weight.

    Ids, the request's time, labels and weights must be in every example; a label that
    is observed in part may be missing, like all other features, which must be there
    at least once. Values of fixed text vocabularies have a domain.

    Args:
        schema: The declaration.

    Returns:
        A schema in which every feature varies in length, as in the records.
    """
    features = [*_features(schema), *_labels(schema)]
    return schema_pb2.Schema(feature=features)


def tfx_schema_text(schema: FeatureSchema) -> str:
    """The TFX schema as ImportSchemaGen reads it."""
    return str(text_format.MessageToString(tfx_schema(schema)))


def _features(schema: FeatureSchema) -> Iterator[schema_pb2.Feature]:
    required = {schema.user_id, schema.item_id, schema.timestamp}
    for column in schema.raw_columns():
        is_required = column.sequence is None and column.name in required
        yield schema_pb2.Feature(
            name=column.name,
            type=TYPES[column.dtype],
            presence=_presence(is_required),
            value_count=_value_count(column),
            **_domain(schema, column),
        )


def _labels(schema: FeatureSchema) -> Iterator[schema_pb2.Feature]:
    partial = {label.name for label in schema.labels if label.observed_if}
    labels = [label.name for label in schema.labels if not label.is_value]
    for name in schema.label_columns():
        limits = {"min": 0.0, "max": 1.0} if name in labels else {"min": 0.0}
        yield schema_pb2.Feature(
            name=name,
            type=schema_pb2.FLOAT,
            presence=_presence(name not in partial),
            value_count=schema_pb2.ValueCount(min=1, max=1),
            float_domain=schema_pb2.FloatDomain(**limits),
        )


def _presence(is_required: bool) -> schema_pb2.FeaturePresence:
    if is_required:
        return schema_pb2.FeaturePresence(min_fraction=1.0, min_count=1)
    return schema_pb2.FeaturePresence(min_count=1)


def _value_count(column: Column) -> schema_pb2.ValueCount:
    most = int(np.prod(column.shape))
    least = most if isinstance(column.feature, Vector) and not column.sequence else 1
    return schema_pb2.ValueCount(min=least, max=most)


def _domain(schema: FeatureSchema, column: Column) -> dict[str, object]:
    if not isinstance(column.feature, Categorical):
        return {}
    if column.dtype == "int64":
        return {"int_domain": schema_pb2.IntDomain(is_categorical=True)}
    values = schema.vocabulary(column.feature.vocabulary).values
    if values is None:
        return {}
    if column.sequence is not None or column.feature.max_values is not None:
        values = ("", *values)  # padding between the real values of a flat list
    return {
        "string_domain": schema_pb2.StringDomain(name=column.name, value=values),
        "distribution_constraints": schema_pb2.DistributionConstraints(
            min_domain_mass=MIN_KNOWN_SHARE
        ),
    }
