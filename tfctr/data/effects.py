"""Effects that can be planted in synthetic clicks: who clicks on what, and when."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfctr.data.cells import Array

__all__ = ["EFFECTS", "World"]

HOUR, DAY = 3_600, 86_400


@dataclass(frozen=True)
class World:
    """Impressions before clicks are drawn, sorted by user and time.

    Attributes:
        user: Code of each impression's user, `(impressions,)`.
        item: Code of each impression's item.
        time: Seconds; no two impressions of one user share one.
        user_group: Group of each impression's user.
        item_group: Group of each impression's item.
        num_items: Size of the catalogue.
        num_groups: Number of groups, of users and of items.
        history_length: How far back an effect may look.
        seed: Seed of what is random in an effect.
        action: What a user did beside clicking, 0 or 1 by the toss of a coin.
    """

    user: Array
    item: Array
    time: Array
    user_group: Array
    item_group: Array
    num_items: int
    num_groups: int
    history_length: int
    seed: int
    action: Array

    def earlier(self, values: Array, steps: int) -> tuple[Array, Array]:
        """A value `steps` impressions of the same user ago, and where there is one."""
        before = np.roll(values, steps)
        there = np.roll(self.user, steps) == self.user
        there[:steps] = False
        return before, there


def _none(world: World) -> Array:
    """Clicks are noise."""
    return np.zeros(len(world.item))


def _item_bias(world: World) -> Array:
    """Each item has its own appeal."""
    generator = np.random.default_rng([world.seed, 1])
    return generator.standard_normal(world.num_items)[world.item]


def _user_item_group(world: World) -> Array:
    """Each group of users likes some groups of items; one group alone says nothing.

    The sum over user groups, and over item groups, is zero.
    """
    turn = 2 * np.pi * (world.user_group - world.item_group) / world.num_groups
    return np.asarray(np.sqrt(2) * np.cos(turn))


def _history_item(world: World) -> Array:
    """A user clicks on an item that is among the recent ones of the history."""
    found = np.zeros(len(world.item), bool)
    for steps in range(1, world.history_length + 1):
        before, there = world.earlier(world.item, steps)
        found |= there & (before == world.item)
    return np.where(found, 1.0, -1.0)


def _last_item_group(world: World) -> Array:
    """A user clicks on an item of the same group as the last item of the history."""
    before, there = world.earlier(world.item_group, 1)
    return np.where(there & (before == world.item_group), 1.0, -1.0)


def _item_action(world: World) -> Array:
    """A user clicks if the last item of the same group in the history was acted on.

    The action is the toss of a coin, so the items alone say nothing.
    """
    found = np.zeros(len(world.item))
    for steps in range(world.history_length, 0, -1):
        before, there = world.earlier(world.item_group, steps)
        action, _ = world.earlier(world.action, steps)
        same = there & (before == world.item_group)
        found = np.where(same, 2.0 * action - 1, found)
    return found


def _time_of_day(world: World) -> Array:
    """Users click in the morning (UTC), whatever the item."""
    hour = world.time % DAY // HOUR
    return np.asarray(np.sqrt(2) * np.sin(2 * np.pi * hour / 24))


# From name to the part of the logit that is multiplied by `strength`.
EFFECTS: dict[str, Callable[[World], Array]] = {
    "none": _none,
    "item_bias": _item_bias,
    "user_item_group": _user_item_group,
    "history_item": _history_item,
    "last_item_group": _last_item_group,
    "item_action": _item_action,
    "time_of_day": _time_of_day,
}
