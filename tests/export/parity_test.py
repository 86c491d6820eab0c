"""Tests of `tfctr.export.largest_difference`."""

import numpy as np
import pandas as pd
import pytest

from tests.export.deployment import encoded, random_model, small_parts
from tfctr import export
from tfctr.features import Label, frame_to_arrays

USERS = ["a", "b", "nobody", None]
FRAME = pd.DataFrame(
    {"user_id": USERS * 6, "item_id": [f"i{k}" for k in range(6) for _ in USERS]}
)
PARTS = small_parts(labels=[Label("click"), Label("buy")])


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits)))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return export.save(tmp_path_factory.mktemp("parity"), **PARTS)


def test_exported_model_answers_as_the_one_in_memory(path):
    found = export.largest_difference(path, PARTS["ranking"], PARTS["state"], FRAME)
    assert found <= 1e-6


def test_difference_to_another_model_is_the_largest_of_all(path):
    state, other = PARTS["state"], random_model("TwoTower", PARTS["state"])
    x = encoded(state, frame_to_arrays(state.schema, FRAME))
    differences = {
        name: np.abs(sigmoid(logits) - sigmoid(other(x)[name]))
        for name, logits in PARTS["ranking"](x).items()
    }
    largest = sorted(value.max() for value in differences.values())
    assert largest[0] < largest[1] - 1e-4
    found = export.largest_difference(path, other, state, FRAME)
    np.testing.assert_allclose(found, largest[1], atol=1e-6)
