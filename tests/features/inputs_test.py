"""Tests of `tfctr.features.inputs`."""

from tests.features.shop import SCHEMA
from tfctr.features.inputs import keras_inputs


def test_inputs_are_the_encoded_columns():
    inputs = keras_inputs(SCHEMA)
    assert {n: (i.shape, i.dtype, i.name) for n, i in inputs.items()} == {
        column.name: ((None, *column.shape), column.dtype, column.name)
        for column in SCHEMA.encoded_columns()
    }


def test_inputs_of_one_role():
    assert list(keras_inputs(SCHEMA, ["user"])) == ["user_id", "age", "interests"]
