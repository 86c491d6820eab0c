"""Tests of `tfctr.pipelines.tfx_schema`."""

import dataclasses

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from tests.pipelines.logs import make_schema
from tfctr.features import Label
from tfctr.pipelines.tfx_schema import tfx_schema, tfx_schema_text

SCHEMA = make_schema()
FEATURES = {feature.name: feature for feature in tfx_schema(SCHEMA).feature}


def test_every_raw_column_label_and_weight_is_declared_once():
    names = [column.name for column in SCHEMA.raw_columns()]
    assert sorted(FEATURES) == sorted([*names, "like", "finish", "minutes", "ripe"])
    assert len(tfx_schema(SCHEMA).feature) == len(FEATURES)


def test_types_are_those_of_the_columns():
    assert FEATURES["user"].type == schema_pb2.INT
    assert FEATURES["job"].type == schema_pb2.BYTES
    assert FEATURES["history_price"].type == schema_pb2.FLOAT
    assert FEATURES["like"].type == schema_pb2.FLOAT


def test_ids_time_and_full_labels_must_be_in_every_example():
    required = {n for n, f in FEATURES.items() if f.presence.min_fraction == 1}
    assert required == {"user", "item", "at", "like", "minutes", "ripe"}
    assert all(f.presence.min_count == 1 for f in FEATURES.values())


def test_valency_is_bounded_by_the_declared_lengths():
    counts = {n: (f.value_count.min, f.value_count.max) for n, f in FEATURES.items()}
    assert counts["age"] == (1, 1)
    assert counts["genres"] == (1, 2)
    assert counts["image"] == (2, 2)
    assert counts["history_item"] == (1, 3)
    assert counts["history_genres"] == (1, 6)


def test_fixed_text_vocabulary_is_a_domain_with_room_for_unknown_values():
    domain = FEATURES["device"].string_domain
    assert list(domain.value) == ["phone", "web"]
    assert FEATURES["device"].distribution_constraints.min_domain_mass == 0.5
    assert FEATURES["job"].WhichOneof("domain_info") is None
    assert FEATURES["user"].int_domain.is_categorical


def test_labels_lie_between_0_and_1():
    assert FEATURES["finish"].float_domain.max == 1
    assert not FEATURES["minutes"].float_domain.HasField("max")


def test_values_have_no_upper_limit():
    spend = Label("spend", kind="value")
    schema = dataclasses.replace(SCHEMA, labels=(*SCHEMA.labels, spend))
    [found] = [f for f in tfx_schema(schema).feature if f.name == "spend"]
    assert found.float_domain.min == 0
    assert not found.float_domain.HasField("max")


def test_text_is_read_back_as_the_same_schema():
    text = tfx_schema_text(SCHEMA)
    assert text_format.Parse(text, schema_pb2.Schema()) == tfx_schema(SCHEMA)
