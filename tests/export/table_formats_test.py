"""Tests of `tfctr.export.compare_table_formats`."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score

from tests.export.deployment import random_model, small_parts
from tfctr.errors import InputError, UnknownName
from tfctr.export import compare_table_formats, quantize_rows
from tfctr.features import Label
from tfctr.testing import make_batch

# Tables of logistic regression have a column a label; five are enough for int8.
STATE = small_parts(labels=[Label("click"), *(Label(f"l{k}") for k in range(4))])[
    "state"
]
BATCHES = [make_batch(STATE.schema, size, seed=size) for size in (40, 40, 17)]


def model_of():
    return random_model("LogisticRegression", STATE)


def joined(part, name):
    return np.concatenate([batch[part][name] for batch in BATCHES])


def logits_of(model, table):
    """Logits by numpy, from the rows of a table."""
    start, _ = model.value_weights.tables["table_item_id"]
    first, _ = model.value_weights.tables["table_user_id"]
    rows = table[start + joined(0, "item_id")] + table[first + joined(0, "user_id")]
    return rows.astype("float64") + np.asarray(model.bias)


def test_errors_and_metrics_are_those_of_the_quantised_rows():
    model = model_of()
    table = np.asarray(model.value_weights.table.embeddings)
    rows, scales = quantize_rows(table)
    halved = tf.cast(tf.cast(table, tf.bfloat16), tf.float32).numpy()
    found = compare_table_formats(model, BATCHES)
    exact, labels = logits_of(model, table), joined(1, "click")
    assert list(found) == ["float32", "bfloat16", "int8"]
    for name, kept in (
        ("float32", table),
        ("bfloat16", halved),
        ("int8", rows * scales[:, None]),
    ):
        logits = logits_of(model, kept)
        error = np.abs(logits - exact).max()
        assert found[name].largest_error == pytest.approx(error, abs=1e-6)
        overall = found[name].metrics.labels["click"].overall
        chances = 1 / (1 + np.exp(-logits[:, 0]))
        assert overall.auc == pytest.approx(roc_auc_score(labels, chances), abs=1e-6)
        assert overall.log_loss == pytest.approx(log_loss(labels, chances), abs=1e-6)
        assert overall.count == 97
    assert found["float32"].largest_error == 0.0
    assert found["bfloat16"].largest_error > 0.0


def test_bytes_are_those_of_all_tables():
    model = random_model("DeepFM", STATE, dim=16)
    found = compare_table_formats(model, BATCHES[:1], ["int8", "bfloat16"])
    sizes = {name: report.table_bytes for name, report in found.items()}
    # 13 rows of 16 numbers and 5 weights, with one scale as int8.
    assert sizes == {"float32": 13 * 84, "bfloat16": 13 * 42, "int8": 13 * (21 + 4)}


def test_weights_of_examples_count():
    model = model_of()
    x, y = BATCHES[0]
    half = np.arange(40) < 20
    weights = {name: half.astype("float32") for name in y}
    found = compare_table_formats(model, [(x, y, weights)], [])["float32"]
    first = [{name: values[half] for name, values in part.items()} for part in (x, y)]
    alone = compare_table_formats(model, [first], [])
    overall = found.metrics.labels["click"].overall
    expected = alone["float32"].metrics.labels["click"].overall
    assert overall.auc == expected.auc
    assert overall.log_loss == pytest.approx(expected.log_loss, rel=1e-6)


def test_model_stays_as_it_is():
    model = model_of()
    before = model.get_weights()
    compare_table_formats(model, BATCHES[:1])
    assert model.value_weights.table.storage is None
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_dataset_without_examples_is_refused():
    with pytest.raises(InputError, match="`dataset`: received no examples"):
        compare_table_formats(model_of(), [])


def test_unknown_format_is_refused():
    with pytest.raises(UnknownName, match="`table_format`: received 'float16'"):
        compare_table_formats(model_of(), BATCHES, ["float16"])
