"""Tests of `tfctr.export.quantization` and of exports with smaller tables."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tests.export.deployment import encoded, random_model, small_parts
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr import export
from tfctr.errors import InputError, UnknownName
from tfctr.export import quantize_rows
from tfctr.export.quantization import BFloat16Rows, Int8Rows, ServedTables
from tfctr.features import frame_to_arrays, to_examples

STATE = SCHEMA.fit(shop_frame(15, seed=1, items=8))
FRAME = shop_frame(30, seed=3, items=10)
TABLES = st_numpy.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 5)),
    elements=st.floats(-(2.0**60), 2.0**60, width=32),
)


@given(TABLES)
@settings(max_examples=200, deadline=None)
def test_no_number_is_further_off_than_half_a_step(table):
    rows, scales = quantize_rows(table)
    exact = table.astype("float64")
    error = np.abs(rows.astype("float64") * scales[:, None].astype("float64") - exact)
    # Half a step, but for the rounding of the quotient and of the scale to float32.
    allowed = scales[:, None] / 2 * (1 + 1e-4) + np.finfo(np.float32).tiny
    assert (error <= allowed).all()
    np.testing.assert_array_equal(scales, np.abs(table).max(axis=1) / np.float32(127))


def test_rows_are_rounded_to_the_nearest_step_and_halves_to_even():
    table = [[127.0, 0.5, 1.5, -2.5, 3.49], [-254.0, 1.0, 3.0, 200.9, 0.0]]
    rows, scales = quantize_rows(np.array(table))
    assert rows.tolist() == [[127, 0, 2, -2, 3], [-127, 0, 2, 100, 0]]
    assert scales.tolist() == [1.0, 2.0]
    assert (rows.dtype, scales.dtype) == (np.int8, np.float32)


def test_rows_of_zeros_stay_zeros():
    rows, scales = quantize_rows(np.array([[0.0, -0.0], [1e-45, 0.0]]))
    assert rows.tolist() == [[0, 0], [0, 0]]
    assert scales.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(value):
    with pytest.raises(InputError, match="finite numbers"):
        quantize_rows(np.array([[1.0, 2.0], [value, 0.0]]))


@pytest.mark.parametrize("pieces", [1, 3])
def test_tables_give_the_rows_that_numpy_gives(monkeypatch, pieces):
    monkeypatch.setattr("tfctr.export.quantization.ROWS_AT_ONCE", 9 // pieces)
    table = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")
    ids = np.array([[8, 0], [3, 3]])
    rows, scales = quantize_rows(table)
    variable = tf.Variable(table)
    np.testing.assert_array_equal(
        Int8Rows(variable).gather(ids), (rows * scales[:, None])[ids]
    )
    # bfloat16 is the upper half of a float32; its lower half rounds to even.
    bits = table.view(np.uint32).astype("uint64")
    rounded = bits + 0x7FFF + ((bits >> 16) & 1) & 0xFFFF0000
    halved = rounded.astype(np.uint32).view(np.float32)
    np.testing.assert_array_equal(BFloat16Rows(variable).gather(ids), halved[ids])


def replaced_weights(model, table_format):
    """A copy of the model whose tables hold what the format keeps, as float32."""
    copy = type(model).from_config(model.get_config())
    copy.build()
    for weight, own in zip(copy.weights, model.weights, strict=True):
        values = np.asarray(own)
        if "table" in own.path and table_format == "int8" and values.shape[1] > 4:
            rows, scales = quantize_rows(values)
            values = rows * scales[:, None]
        elif "table" in own.path and table_format != "float32":
            values = tf.cast(tf.cast(values, tf.bfloat16), tf.float32)
        weight.assign(values)
    return copy


def serving(path, name, **inputs):
    answer = tf.saved_model.load(str(path)).signatures[name](**inputs)
    return {label: values.numpy() for label, values in answer.items()}


@pytest.mark.parametrize("table_format", export.TABLE_FORMATS)
def test_exported_model_answers_as_one_with_these_rows(tmp_path, table_format):
    model = random_model("DIN", STATE, dim=6)
    tower = random_model("TwoTower", STATE, dim=6)
    before = model.get_weights()
    path = export.save(
        tmp_path,
        ranking=model,
        pre_ranking=tower,
        state=STATE,
        items=shop_items(10),
        table_format=table_format,
    )
    names = [column.name for column in SCHEMA.raw_columns()]
    records = FRAME[names].to_dict("records")
    examples = [e.SerializeToString() for e in to_examples(SCHEMA, records)]
    answer = serving(path, "serving_default", examples=tf.constant(examples))
    x = encoded(STATE, frame_to_arrays(SCHEMA, FRAME))
    expected = replaced_weights(model, table_format)(x)
    exact = model(x)
    for label, logits in expected.items():
        np.testing.assert_allclose(answer[label], tf.sigmoid(logits), atol=1e-6)
        is_exact = np.allclose(answer[label], tf.sigmoid(exact[label]), atol=1e-6)
        assert is_exact == (table_format == "float32")
    # Both heads are replaced, and the models themselves are as they were.
    items = frame_to_arrays(SCHEMA, shop_items(10), ["item"])
    raw = {
        n: tf.constant(v, None if v.dtype != object else tf.string)
        for n, v in items.items()
    }
    vectors = serving(path, "item_encoder", **raw)["vector"]
    own = replaced_weights(tower, table_format).encode_items(STATE.encode(raw))
    np.testing.assert_allclose(vectors, own["vector"], atol=1e-6)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("table_format", "model", "expected"),
    [
        ("bfloat16", "DeepFM", [("bfloat16", (13, 65))]),
        ("int8", "DeepFM", [("float32", (13,)), ("int8", (13, 65))]),
        ("int8", "LogisticRegression", [("bfloat16", (13, 1))]),
    ],
)
def test_file_holds_the_small_tables_and_not_the_large_ones(
    tmp_path, table_format, model, expected
):
    parts = small_parts()
    arguments = {"dim": 64} if model == "DeepFM" else {}
    parts["ranking"] = random_model(model, parts["state"], **arguments)
    path = export.save(tmp_path, **parts, table_format=table_format)
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    dtypes = reader.get_variable_to_dtype_map()
    found = [
        (dtypes[name].name, tuple(shape))
        for name, shape in reader.get_variable_to_shape_map().items()
        if shape[:1] == [13]  # missing, unknown and the values of users and items
    ]
    assert sorted(found) == expected


def test_training_and_saving_go_on_after_an_export(tmp_path):
    parts = small_parts()
    model = parts["ranking"]
    ids = {"user_id": np.array([2, 3, 0]), "item_id": np.array([2, 1, 3])}
    before = model(ids)["click"].numpy()
    export.save(tmp_path / "model", **parts, table_format="int8")
    np.testing.assert_array_equal(model(ids)["click"], before)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(ids)["click"], before)
    model.compile(optimizer="sgd", weighted_metrics=[])
    model.fit(ids, {"click": np.array([1.0, 0.0, 1.0])}, verbose=0)
    assert (model(ids)["click"].numpy() != before).any()


def test_tables_are_put_back_when_tracing_fails():
    model = small_parts()["ranking"]
    served = ServedTables([model], "int8")

    def trace():
        with served.in_use():
            assert model.value_weights.table.storage is served.tables[0]
            raise OSError("fails")

    with pytest.raises(OSError, match="fails"):
        trace()
    assert model.value_weights.table.storage is None


def test_unknown_format_is_refused(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'int8'"):
        export.save(tmp_path / "model", **small_parts(), table_format="int4")
    assert list(tmp_path.glob("model/*")) == []
