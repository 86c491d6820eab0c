"""Tests of the campaigns of Complete Journey, on a small wheel and the real one."""

import importlib
from pathlib import Path

import pandas as pd
import pytest

from tests.data.small_wheel import write_wheel
from tfctr.data import complete_journey_campaigns
from tfctr.data.complete_journey_files import HOUSEHOLD

CACHE = Path(__file__).parents[2] / "build" / "cache"


def day(number, clock="00:00"):
    return pd.Timestamp(f"2017-01-01 {clock}") + pd.Timedelta(days=number)


# Household 1 buys what coupons are for before, in and after the 25 days.
PURCHASES = [
    (1, 101, day(0, "08:00")),  # the log begins: campaign 7 of that day is older
    (1, 101, day(9, "10:00")),  # before campaign 8
    (1, 102, day(11, "10:00")),  # within, but no coupon of 8 is for it
    (2, 101, day(34, "23:59")),  # the last minute of campaign 8
    (3, 101, day(35)),  # the first one after it
    (1, 102, day(50)),
    (2, 103, day(100)),
]
REDEEMED = [
    (2, 901, 8, day(20)),
    (3, 901, 8, day(40)),  # too late
    (1, 902, 9, day(45)),
]
SENT = [(7, 1), (8, 1), (8, 2), (8, 3), (9, 1), (9, 2), (10, 2)]
CAMPAIGNS = [
    (7, "Type C", day(0), day(30)),
    (8, "Type A", day(10), day(42)),
    (9, "Type B", day(44), day(80)),
    (10, "Type B", day(90), day(130)),  # its 25 days are not over
]
COUPONS = [(901, 101, 8), (902, 102, 9), (903, 103, 10), (904, 101, 7), (904, 103, 8)]


@pytest.fixture
def small(tmp_path, monkeypatch):
    people = pd.DataFrame({"household_id": [1]}).assign(**dict.fromkeys(HOUSEHOLD, "x"))
    columns = ["household_id", "product_id", "transaction_timestamp"]
    redeemed = ["household_id", "coupon_upc", "campaign_id", "redemption_date"]
    described = ["campaign_id", "campaign_type", "start_date", "end_date"]
    products = pd.DataFrame(
        {
            "product_id": [101, 102, 103],
            "department": ["food", "food", None],
            "product_category": ["bread", "milk", "soap"],
        }
    )
    tables = {
        "transactions": pd.DataFrame(PURCHASES, columns=columns),
        "campaigns": pd.DataFrame(SENT, columns=["campaign_id", "household_id"]),
        "campaign_descriptions": pd.DataFrame(CAMPAIGNS, columns=described),
        "coupons": pd.DataFrame(
            COUPONS, columns=["coupon_upc", "product_id", "campaign_id"]
        ),
        "coupon_redemptions": pd.DataFrame(REDEEMED, columns=redeemed),
        "products": products,
        "demographics": people,
    }
    path = write_wheel(tmp_path / "small.whl", tables)
    module = importlib.import_module("tfctr.data.complete_journey_campaigns")
    monkeypatch.setattr(module, "cached_file", lambda *_: path)


def everything(data):
    frame = pd.concat([data.train, data.validation, data.test], ignore_index=True)
    return frame.set_index(["campaign_id", "household_id"])


@pytest.mark.usefixtures("small")
def test_labels_are_what_happened_within_25_days_of_the_campaign():
    found = everything(complete_journey_campaigns())
    labels = {
        key: (row["purchase"], row["redemption"]) for key, row in found.iterrows()
    }
    assert labels == {
        ("8", "1"): (0, 0),
        ("8", "2"): (1, 1),
        ("8", "3"): (0, 0),
        ("9", "1"): (1, 1),
        ("9", "2"): (0, 0),
    }


@pytest.mark.usefixtures("small")
def test_histories_end_before_the_campaign():
    found = everything(complete_journey_campaigns())
    bread = found.loc[("8", "1"), "purchases_product_category"]
    assert bread.tolist() == ["bread", "bread"]
    later = found.loc[("9", "2"), "purchases_product_category"]
    assert later.tolist() == ["bread"]
    assert found.loc[("9", "2"), "redemptions_campaign_type"].tolist() == ["Type A"]
    assert found.loc[("9", "1"), "redemptions_campaign_type"].tolist() == []
    for _, row in found.iterrows():
        assert (row["purchases_timestamp"] < row["timestamp"]).all()


@pytest.mark.usefixtures("small")
def test_a_campaign_is_known_by_its_products():
    data = complete_journey_campaigns()
    found = everything(data).loc[("8", "1")]
    assert found["categories"] == ["bread", "soap"]
    assert found["num_products"] == 2
    assert found["days"] == 32
    assert found["age"] == "x"
    assert everything(data).loc[("8", "2"), "age"] == ""


@pytest.mark.slow
def test_the_real_data_becomes_a_data_set():
    data = complete_journey_campaigns(CACHE)
    found = everything(data)
    # Counted with pandas' merges alone: 601 of 6,259 redeemed.
    assert len(found) == 6_259
    assert found["redemption"].sum() == pytest.approx(601, abs=5)
    assert len(data.train) > len(data.validation) > len(data.test)
    assert "simulated" in data.note
