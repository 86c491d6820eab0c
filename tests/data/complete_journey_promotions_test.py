"""Tests of the promotions of Complete Journey, on a small wheel and the real one."""

import importlib
from pathlib import Path

import pandas as pd
import pytest

from tests.data.small_wheel import write_wheel
from tfctr.data import complete_journey_promotions
from tfctr.data.complete_journey_files import HOUSEHOLD, PRODUCT
from tfctr.errors import InputError

CACHE = Path(__file__).parents[2] / "build" / "cache"
# Household, store, product, week, day of the year, hour of the day.
BOUGHT = [
    (1, 301, 101, 1, 1, 9),  # bread, promoted there and then
    (1, 301, 102, 1, 3, 9),  # milk, of the same week, not promoted
    (1, 302, 101, 1, 4, 9),  # bread, in a store that promoted none
    (1, 302, 105, 1, 4, 9),  # promoted in that week, but in the other store
    (1, 302, 110, 1, 4, 9),  # promoted in a third one, whose rows come next
    (1, 301, 103, 2, 8, 9),  # other bread; promoted in week 1 alone
    (2, 301, 104, 1, 2, 9),  # a product without a category
    (2, 301, 109, 1, 2, 9),  # a product that the table of products lacks
    (2, 303, 101, 2, 9, 9),  # a store without promotions
    (1, 301, 101, 3, 15, 9),  # the last week, which is not over
]
# Product, store, week.
PROMOTED = [
    (101, 301, 1), (103, 301, 1), (104, 301, 1), (105, 301, 1), (109, 301, 1),
    (102, 302, 1),
    (110, 303, 1),
    (101, 301, 2), (102, 301, 2), (102, 301, 2),  # a row that is there twice
    (101, 301, 3),
]  # fmt: skip
CATEGORIES = {101: "bread", 102: "milk", 103: "bread", 104: None, 105: None}


@pytest.fixture
def small(tmp_path, monkeypatch):
    names = ["household_id", "store_id", "product_id", "week", "day", "hour"]
    log = pd.DataFrame(BOUGHT, columns=names)
    hours = 24 * log.pop("day") + log.pop("hour")
    times = pd.Timestamp("2017-01-01") + pd.to_timedelta(hours, unit="h")
    products = pd.DataFrame({"product_id": list(CATEGORIES)})
    products = products.assign(**dict.fromkeys(PRODUCT, "y"))
    products["product_category"] = list(CATEGORIES.values())
    promoted = pd.DataFrame(PROMOTED, columns=["product_id", "store_id", "week"])
    promoted = promoted.assign(display_location="9", mailer_location="A")
    people = pd.DataFrame({"household_id": [1]}).assign(**dict.fromkeys(HOUSEHOLD, "x"))
    tables = {
        "transactions": log.assign(transaction_timestamp=times),
        "products": products,
        "promotions": promoted,
        "demographics": people,
    }
    path = write_wheel(tmp_path / "small.whl", tables)
    module = importlib.import_module("tfctr.data.complete_journey_promotions")
    monkeypatch.setattr(module, "cached_file", lambda *_: path)


def everything(data):
    return pd.concat([data.train, data.validation, data.test], ignore_index=True)


def labels(data):
    """(household, store, product, day) -> (category, product)."""
    found = everything(data)
    days = found["timestamp"] // 86_400 - 17_167
    keys = zip(
        *(found[n] for n in ("household_id", "store_id", "product_id")),
        days,
        strict=True,
    )
    values = zip(found["category_purchase"], found["purchase"], strict=True)
    made = dict(zip(keys, values, strict=True))
    assert len(made) == len(found)  # no example is there twice
    return made


@pytest.mark.usefixtures("small")
def test_labels_are_what_was_bought_there_in_that_week():
    # So many are drawn that each promoted product is among them.
    found = labels(complete_journey_promotions(products_per_visit=200))
    assert found == {
        ("1", "301", "101", 1): (1, 1),
        ("1", "301", "103", 1): (1, 0),  # of the category of 101
        ("1", "301", "104", 1): (0, 0),
        ("1", "301", "105", 1): (0, 0),
        ("1", "301", "109", 1): (0, 0),
        ("1", "302", "102", 4): (0, 0),  # milk was bought in the other store
        ("1", "301", "101", 8): (1, 0),  # 103 is bread too
        ("1", "301", "102", 8): (0, 0),
        ("2", "301", "101", 2): (0, 0),
        ("2", "301", "103", 2): (0, 0),
        ("2", "301", "104", 2): (1, 1),  # without a category: itself alone,
        ("2", "301", "105", 2): (0, 0),  # not each other without one
        ("2", "301", "109", 2): (1, 1),
    }


@pytest.mark.usefixtures("small")
def test_what_was_bought_is_there_even_if_it_was_not_drawn():
    for seed in range(5):
        data = complete_journey_promotions(products_per_visit=1, seed=seed)
        found = labels(data)
        assert found[("1", "301", "101", 1)] == (1, 1)
        assert found[("2", "301", "104", 2)] == (1, 1)
        assert found[("2", "301", "109", 2)] == (1, 1)
        assert len(found) <= 4 + 3  # one drawn for each of four visits, three bought


@pytest.mark.usefixtures("small")
def test_what_is_drawn_depends_on_the_seed_alone():
    def drawn(seed):
        data = complete_journey_promotions(products_per_visit=1, seed=seed)
        return sorted(labels(data))

    assert drawn(3) == drawn(3)
    assert len({str(drawn(seed)) for seed in range(8)}) > 1


@pytest.mark.usefixtures("small")
def test_histories_end_before_the_first_basket_of_the_week():
    data = complete_journey_promotions(products_per_visit=200)
    found = everything(data)
    first = found[(found["household_id"] == "1") & (found["store_id"] == "301")]
    by_time = {r.timestamp // 86_400 - 17_167: r for r in first.itertuples()}
    assert by_time[1].history_product_id.tolist() == []
    assert by_time[8].history_product_id.tolist() == ["101", "102", "101", "105", "110"]
    categories = by_time[8].history_product_category.tolist()
    assert categories == ["bread", "milk", "bread", "", ""]
    for row in found.itertuples():
        assert (row.history_timestamp < row.timestamp).all()


@pytest.mark.usefixtures("small")
def test_a_row_knows_its_household_store_product_and_place():
    found = everything(complete_journey_promotions(products_per_visit=200))
    known = found[(found["household_id"] == "1") & (found["product_id"] == "101")]
    assert known["age"].eq("x").all()
    assert known["product_category"].eq("bread").all()
    assert found["display_location"].eq("9").all()
    assert found.loc[found["household_id"] == "2", "age"].eq("").all()
    assert found.loc[found["product_id"] == "109", "product_category"].eq("").all()


@pytest.mark.usefixtures("small")
def test_too_few_products_are_refused():
    with pytest.raises(InputError, match="products_per_visit"):
        complete_journey_promotions(products_per_visit=0)


@pytest.mark.slow
def test_the_real_data_becomes_a_data_set():
    data = complete_journey_promotions(CACHE, max_households=3)
    found = everything(data)
    # Counted with pandas' merges alone, over the whole table of promotions.
    assert found["purchase"].sum() == 869
    assert (found["category_purchase"] >= found["purchase"]).all()
