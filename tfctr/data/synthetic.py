"""Synthetic click logs of any size, with planted effects whose truth is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.cells import Array
from tfctr.data.dataset import Dataset
from tfctr.data.effects import DAY, EFFECTS, World
from tfctr.data.examples import build_examples
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Label, Sequence, Timestamp

__all__ = ["SyntheticDataset", "synthetic"]

START = 1_704_067_200  # 2024-01-01 UTC, a Monday
TRUTH = "true_probability"
SPEC = BehaviourSpec(
    user_key="user_id",
    item_key="item_id",
    time_key="timestamp",
    labels={"click": LabelRule("click")},
)


@dataclass(frozen=True, eq=False)
class SyntheticDataset(Dataset):
    """A `Dataset` that knows the probability behind each of its labels.

    Args:
        name: Name of the data set.
        schema: The declaration, with the sizes of learnt vocabularies.
        state: What was learnt from the train part.
        train: Raw examples, and the column `true_probability`.
        validation: Later ones.
        test: The latest ones.
        events: The log the examples are made from.
        users: One row for each user.
        items: One row for each item.
        note: The planted effect.
        spec: How the examples are made of the log.
        candidates: Nothing.
    """

    def true_probability(self, split: str) -> Array:
        """Probability of a click for each example of a part, float64 `(examples,)`."""
        return np.asarray(self.frame(split)[TRUTH])

    def bayes_auc(self, split: str) -> float:
        """AUC of the true probabilities on a part: no model is better, but by luck."""
        truth, clicks = self.true_probability(split), self.frame(split)["click"]
        ranks = pd.Series(truth).rank().to_numpy()
        positive = clicks.to_numpy() == 1
        ones, zeros = int(positive.sum()), int((~positive).sum())
        if not ones or not zeros:
            raise InputError(
                "click", received="one class only", expected="both 0 and 1"
            )
        return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def synthetic_schema(
    history_length: int = 10, *, has_action: bool = False
) -> FeatureSchema:
    """Features of synthetic logs; without a history if `history_length` is 0."""
    action = (Categorical("action"),) if has_action else ()
    history = Sequence(
        "history",
        (Categorical("item_id"), Categorical("item_group"), *action),
        timestamp=Timestamp("timestamp"),
        action="action" if has_action else None,
        max_length=max(history_length, 1),
    )
    return FeatureSchema(
        user=(Categorical("user_id"), Categorical("user_group")),
        item=(Categorical("item_id"), Categorical("item_group")),
        context=(Timestamp("timestamp", calendar=("hour", "weekday")),),
        sequences=(history,) if history_length else (),
        labels=(Label("click"),),
        user_id="user_id",
        item_id="item_id",
        timestamp="timestamp",
    )


def synthetic(
    num_examples: int = 10_000,
    num_users: int = 200,
    num_items: int = 500,
    *,
    num_groups: int = 4,
    history_length: int = 10,
    skew: float = 1.0,
    repeat: float = 0.0,
    effect: str = "item_bias",
    strength: float = 2.0,
    click_rate: float = 0.5,
    days: int = 28,
    seed: int = 0,
) -> SyntheticDataset:
    """Makes a click log: `logit(click) = offset + strength * effect`.

    What is shown does not depend on clicks. Half of what `history_item` shows are
    repeats, so that both answers occur.

    Args:
        num_examples: Number of impressions.
        num_users: Number of users, equally active.
        num_items: Size of the catalogue.
        num_groups: Number of user groups and of item groups.
        history_length: Number of past impressions kept; 0 for none.
        skew: The item of rank `r` is shown in proportion to `r ** -skew` (Zipf).
        repeat: Share of impressions that show an item of the user's recent history
            again; at least 0.5 for `history_item`.
        effect: What decides on clicks: `none`, `item_bias`, `user_item_group`,
            `history_item`, `last_item_group`, `item_action` (events then have an
            `action`) or `time_of_day`.
        strength: Size of the effect in the logit.
        click_rate: Rate of clicks where the effect is 0.
        days: Time that the log spans, from 2024-01-01.
        seed: Seed of everything.

    Returns:
        The data set, split 80/10/10 by time, with the true probabilities.

    Raises:
        InputError: A number is out of its range, or no effect has that name.
    """
    sizes = {"num_users": num_users, "num_items": num_items, "num_groups": num_groups}
    _check({"num_examples": num_examples, **sizes, "days": days}, effect, click_rate)
    if effect == "history_item":
        repeat = max(repeat, 0.5)
    back = max(history_length, 1)
    generator = np.random.default_rng([seed, 0])
    user, time = _visits(generator, num_examples, num_users, days)
    item = _shown(generator, user, num_items, skew, repeat, back)
    groups = np.arange(num_users) % num_groups, np.arange(num_items) % num_groups
    of_user, of_item = groups[0][user], groups[1][item]
    action = np.random.default_rng([seed, 2]).integers(0, 2, num_examples)
    sizes_and_seed = (num_items, num_groups, back, seed)
    world = World(user, item, time, of_user, of_item, *sizes_and_seed, action)
    logit = np.log(click_rate / (1 - click_rate)) + strength * EFFECTS[effect](world)
    truth = 1 / (1 + np.exp(-logit))
    click = (generator.random(num_examples) < truth).astype("int64")
    schema = synthetic_schema(history_length, has_action=effect == "item_action")
    return _dataset(world, groups, click, truth, schema, f"effect {effect}")


def _check(sizes: dict[str, int], effect: str, click_rate: float) -> None:
    if effect not in EFFECTS:
        raise UnknownName("effect", effect, EFFECTS)
    for name, size in sizes.items():
        if size < 1:
            raise InputError(name, received=size, expected="at least 1")
    if not 0 < click_rate < 1:
        raise InputError("click_rate", received=click_rate, expected="within 0 and 1")
    if sizes["num_examples"] > sizes["num_users"] * sizes["days"] * DAY:
        raise InputError(
            "days", received=sizes["days"], expected="a second for each impression"
        )


def _visits(
    generator: np.random.Generator, number: int, num_users: int, days: int
) -> tuple[Array, Array]:
    """Users and times of impressions, sorted by both; a user's times all differ."""
    user = np.sort(generator.integers(0, num_users, number))
    time = generator.integers(0, days * DAY, number)
    time = time[np.lexsort((time, user))]
    # Ties move on by a second: a running maximum of time minus place, within a user.
    place = np.arange(number) - np.searchsorted(user, user)
    far = 2 * (days * DAY + number)
    time = np.maximum.accumulate(time - place + user * far) - user * far + place
    return user, START + time


def _shown(
    generator: np.random.Generator,
    user: Array,
    num_items: int,
    skew: float,
    repeat: float,
    history_length: int,
) -> Array:
    """Items of impressions: new draws by popularity, and repeats of recent ones."""
    weights = np.arange(1, num_items + 1, dtype="float64") ** -skew
    limits = np.cumsum(weights) / weights.sum()
    item = np.searchsorted(limits, generator.random(len(user)), side="right")
    item = np.minimum(item, num_items - 1)
    if not repeat:
        return item
    here = np.arange(len(user))
    place = here - np.searchsorted(user, user)
    back = 1 + (generator.random(len(user)) * np.minimum(place, history_length)).astype(
        "int64"
    )
    again = (generator.random(len(user)) < repeat) & (place > 0)
    origin = np.where(again, here - back, here)
    while (origin != origin[origin]).any():  # a repeat of a repeat leads to its origin
        origin = origin[origin]
    return item[origin]


def _dataset(
    world: World,
    groups: tuple[Array, Array],
    click: Array,
    truth: Array,
    schema: FeatureSchema,
    note: str,
) -> SyntheticDataset:
    """Tables with names for codes, in order of time, and the examples made of them."""
    tables = []
    for kind, codes in zip(("user", "item"), groups, strict=True):
        ids = np.array([f"{kind[0]}{code}" for code in range(len(codes))], object)
        group = np.array([f"g{code}" for code in range(codes.max() + 1)], object)
        tables.append(pd.DataFrame({f"{kind}_id": ids, f"{kind}_group": group[codes]}))
    users, items = tables
    order = np.argsort(world.time, kind="stable")
    events = pd.DataFrame(
        {
            "user_id": users["user_id"].to_numpy()[world.user[order]],
            "item_id": items["item_id"].to_numpy()[world.item[order]],
            "timestamp": world.time[order],
            "click": click[order],
            TRUTH: truth[order],
        }
    )
    if any(sequence.action for sequence in schema.sequences):
        events["action"] = np.array(["skipped", "saved"])[world.action[order]]
    parts = build_examples(events, users, items, schema, SPEC, keep=(TRUTH,))
    return SyntheticDataset.learnt(
        schema,
        parts,
        name="synthetic",
        events=events,
        users=users,
        items=items,
        note=f"Synthetic clicks; {note}.",
        spec=SPEC,
    )
