"""Tests of `tfctr.models.random_items`."""

import numpy as np
import pytest

from tests.features.shop import small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Vocabulary
from tfctr.models.random_items import RandomItems

SCHEMA = small_schema(
    item=[Categorical("item_id"), Categorical("brand")],
    vocabularies=[Vocabulary("item_id", num_oov=2)],
).with_sizes({"user_id": 4, "item_id": 13, "brand": 6})


def test_rows_of_values_are_drawn_evenly():
    items = RandomItems(SCHEMA, ["item_id"], seed=1)
    assert items.count == 10
    drawn = items.draw(20_000, training=True)["item_id"].numpy()
    counts = np.bincount(drawn, minlength=13)
    assert counts[:3].tolist() == [0, 0, 0]
    # Deviation of each is 42.
    assert np.abs(counts[3:] - 2000).max() < 200


def test_training_draws_anew_and_evaluation_the_same():
    items = RandomItems(SCHEMA, ["item_id"], seed=1)
    first, second = (items.draw(50, training=True)["item_id"] for _ in range(2))
    assert (first.numpy() != second.numpy()).any()
    first, second = (items.draw(50, training=False)["item_id"] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_catalogue_rows_stay_together():
    items = RandomItems(SCHEMA, ["item_id", "brand"], seed=1)
    with pytest.raises(InputError, match="set_items"):
        items.check()
    catalogue = np.array([[3, 1], [7, 5], [9, 1]], "int32")
    items.set({"item_id": catalogue[:, 0], "brand": catalogue[:, 1]})
    assert items.count == 3
    drawn = items.draw(60, training=True)
    pairs = set(zip(drawn["item_id"].numpy(), drawn["brand"].numpy(), strict=True))
    assert pairs == {(3, 1), (7, 5), (9, 1)}


def test_catalogues_that_do_not_fit_are_refused():
    items = RandomItems(SCHEMA, ["item_id", "brand"], seed=1)
    with pytest.raises(UnknownName, match="brand"):
        items.set({"item_id": np.ones(3)})
    with pytest.raises(InputError, match="as many rows"):
        items.set({"item_id": np.ones(3), "brand": np.ones(2)})
    with pytest.raises(InputError, match="at least one"):
        items.set({"item_id": np.ones(0), "brand": np.ones(0)})


def test_drawn_items_add_to_how_many_there_are():
    items = RandomItems(SCHEMA, ["item_id"], seed=1)
    log_q = items.joint_log_q(np.log(np.array([0.5, 0.1, 0.2, 0.2], "float32")), 2)
    # Two positives in the batch, two of ten items drawn.
    expected = np.array([0.5, 0.1, 0.2, 0.2]) * 2 + 2 / 10
    np.testing.assert_allclose(np.exp(log_q), expected, rtol=1e-5)
