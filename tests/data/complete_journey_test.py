"""Tests of Complete Journey, on a small wheel made here and once on the real one."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.data.small_wheel import write_wheel
from tfctr.data import complete_journey
from tfctr.data.complete_journey_files import HOUSEHOLD, PRODUCT
from tfctr.errors import InputError

CACHE = Path(__file__).parents[2] / "build" / "cache"
DAY = 86_400
FIRST = int(pd.Timestamp("2017-01-02").timestamp())
# Household 9 has no demographics, product 105 is not in the product table.
SOLD = {1: [101, 102, 103], 2: [104, 105, 106]}


def small_wheel(path):
    draw = np.random.default_rng(0).integers
    visits = [(w, h) for w in SOLD for h in (1, 2, 9) for _ in range(4)]
    rows = [
        (household, SOLD[week][draw(2)], week, (week - 1) * 7 * DAY + 60 * place)
        for place, (week, household) in enumerate(visits)
    ]
    rows += [(2, SOLD[week][2], week, (week - 1) * 7 * DAY) for week in SOLD]
    names = ["household_id", "product_id", "week", "transaction_timestamp"]
    log = pd.DataFrame(rows, columns=names)
    times = pd.to_datetime(FIRST + log["transaction_timestamp"], unit="s")
    log["transaction_timestamp"] = times
    people = pd.DataFrame({"household_id": [1, 2]})
    people = people.assign(**dict.fromkeys(HOUSEHOLD, "x"))
    people.loc[1, "home_ownership"] = None
    products = pd.DataFrame({"product_id": [101, 102, 103, 104, 106]})
    products = products.assign(**dict.fromkeys(PRODUCT, "y"))
    products["manufacturer_id"] = 7
    products.loc[0, "product_category"] = None
    tables = {"transactions": log, "demographics": people, "products": products}
    return write_wheel(path, tables)


@pytest.fixture
def small(tmp_path, monkeypatch):
    path = small_wheel(tmp_path / "small.whl")
    # The package has a function of the module's name, so the module is looked up.
    module = importlib.import_module("tfctr.data.complete_journey")
    monkeypatch.setattr(module, "cached_file", lambda *_: path)


def everything(data):
    return pd.concat([data.train, data.validation, data.test], ignore_index=True)


@pytest.mark.usefixtures("small")
def test_negatives_were_sold_in_the_week_or_bought_before_but_not_now():
    data = complete_journey(
        max_households=None, negatives_per_positive=3, repeat_negatives_per_positive=2
    )
    log = data.events
    drawn = everything(data).query("purchase == 0")
    kinds = set()
    for _, row in drawn.iterrows():
        week = 1 + (row["timestamp"] - FIRST) // (7 * DAY)
        own = log[log["household_id"] == row["household_id"]]
        before = row["product_id"] in set(
            own[own["timestamp"] < row["timestamp"]]["product_id"]
        )
        on_sale = int(row["product_id"]) in SOLD[week]
        assert before or on_sale
        kinds.add((before, on_sale))
        now = own[own["timestamp"] == row["timestamp"]]
        assert row["product_id"] not in set(now["product_id"])
    assert kinds == {(True, True), (True, False), (False, True)}


@pytest.mark.usefixtures("small")
def test_every_purchase_is_a_positive_example_and_gaps_are_missing_values():
    data = complete_journey(max_households=None)
    examples = everything(data)
    assert int(examples["purchase"].sum()) == len(data.events) == 26
    assert set(examples["household_id"]) == {"1", "2", "9"}
    nobody = examples[examples["household_id"] == "9"]
    assert set(nobody["age"]) == {""}
    gap = examples[examples["product_id"] == "101"]
    assert set(gap["product_category"]) == {""}
    assert set(gap["manufacturer_id"]) == {"7"}


@pytest.mark.usefixtures("small")
def test_households_with_demographics_are_kept_first():
    kept = complete_journey(max_households=2).users["household_id"].tolist()
    assert kept == ["1", "2"]
    assert complete_journey(max_households=1, seed=3).users.shape[0] == 1
    with pytest.raises(InputError, match="`max_households`: received 0"):
        complete_journey(max_households=0)


@pytest.mark.slow
def test_the_real_data_becomes_a_data_set():
    data = complete_journey(CACHE, max_households=20, history_length=10)
    assert len(data.users) == 20
    assert len(data.items) == 92_331
    assert everything(data)["purchase"].sum() == len(data.events) > 5_000
    assert data.train["history_product_id"].map(len).max() == 10
    assert "simulated" in data.note
