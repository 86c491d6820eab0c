"""Tests of `tfctr.models.LogisticRegression`."""

import numpy as np
import pytest

from tests.models.data import SIZED, made, rows

X, _, _ = rows(20)
MODEL = made("LogisticRegression")
WEIGHTS = {w.path.split("/", 2)[-1]: np.asarray(w) for w in MODEL.weights}
TABLES = {
    key: WEIGHTS["table/embeddings"][slice(*rows)]
    for key, rows in MODEL.value_weights.tables.items()
}


def mean(values, known):
    """Mean of `(..., n, labels)` over the known of the last axis but one."""
    total = (values * known[..., None]).sum(-2)
    return total / np.maximum(known.sum(-1), 1)[..., None]


def field_sum(column, x):
    """What one column adds to the logits, `(batch, labels)`."""
    values, feature = x[column.name], column.feature
    kind = type(feature).__name__
    if kind == "Numeric":
        field = values[..., None] * WEIGHTS[f"scale_{column.name}/kernel"][0]
    elif kind == "Vector":
        field = values @ WEIGHTS[f"scale_{column.name}/kernel"]
    else:
        table = feature.vocabulary if kind == "Categorical" else column.name
        field = TABLES[f"table_{table}"][values]
        if kind == "Categorical" and feature.max_values:
            field = mean(field, values != 0)
    if column.sequence is not None:
        marker = x[f"{column.sequence.name}_{column.sequence.features[0].name}"]
        field = mean(field, marker != 0)
    return field


def test_logit_is_the_sum_of_bias_and_weights():
    bias = next(value for path, value in WEIGHTS.items() if path.endswith("bias"))
    columns = [c for c in SIZED.encoded_columns() if c.dtype != "int64"]
    expected = bias + sum(field_sum(column, X) for column in columns)
    for place, (label, logits) in enumerate(MODEL(X).items()):
        np.testing.assert_allclose(
            logits, expected[:, place], rtol=1e-4, atol=1e-5, err_msg=label
        )


@pytest.mark.parametrize("name", ["age", "device", "price", "time_hour"])
def test_effects_of_features_add_up(name):
    # The change that one feature makes is the same whatever the others are.
    other, _, _ = rows(20, seed=5)
    first = {**X, name: other[name]}
    rest = {n: other[n] if n != "age" and n != name else v for n, v in X.items()}
    both = {**rest, name: other[name]}
    change = MODEL(first)["click"] - MODEL(X)["click"]
    again = MODEL(both)["click"] - MODEL(rest)["click"]
    np.testing.assert_allclose(change, again, atol=2e-5)
    assert np.abs(change).max() > 0.01
