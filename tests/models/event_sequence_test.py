"""Tests of `tfctr.models.event_sequence`."""

import numpy as np
import pytest

from tests.features.shop import small_schema
from tests.models.data import SIZED
from tfctr import kernels
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Numeric, Sequence, Timestamp, Vocabulary
from tfctr.models.event_sequence import (
    EventSequence,
    compacted,
    real_places,
    restored,
)

ITEM = Categorical("item_id")
MASK = np.array([[False, True, True, False, True], [False] * 5, [True] * 5])


def schema(*features, action=None, sizes=None, **changes):
    history = Sequence("history", (ITEM, *features), action=action, max_length=4)
    sizes = {"user_id": 5, "item_id": 9, **(sizes or {})}
    return small_schema(sequences=[history], **changes).with_sizes(sizes)


def test_columns_of_the_shop():
    events = EventSequence.of(SIZED)
    assert (events.name, events.marker) == ("history", "history_item_id")
    # Prices are scaled by the moments of each column, so they do not compare.
    assert events.shared == ("item_id", "category", "picture")
    assert events.others == ("history_price", "history_time_month")
    assert (events.action, events.has_several) == ("history_action", False)
    assert events.num_actions == SIZED.size("action")
    assert (events.time, events.request_time) == ("history_time", "time")
    assert events.max_length == 4


def test_named_sequence_is_the_one_that_is_read():
    events = EventSequence.of(SIZED, "history_long")
    assert events.name == "history_long"
    assert (events.action, events.num_actions, events.time) == (None, 2, None)
    embedded = events.embedded(SIZED)
    assert [s.name for s in embedded.sequences] == ["history_long"]
    assert "action" not in embedded.sizes


def test_several_actions_at_once_are_a_list():
    events = EventSequence.of(
        schema(Categorical("did", max_values=3), action="did", sizes={"did": 6})
    )
    assert (events.has_several, events.num_actions) == (True, 6)


def test_number_that_is_not_scaled_compares():
    item = [ITEM, Numeric("price", transform="none")]
    events = EventSequence.of(schema(Numeric("price", transform="none"), item=item))
    assert events.shared == ("item_id", "price")


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (lambda: small_schema(), "`sequences`: received none"),
        (
            lambda: schema(Numeric("watched"), action="watched"),
            r"`history.action`: .*expected a `Categorical` with a row",
        ),
        (
            lambda: schema(
                Categorical("did"),
                action="did",
                vocabularies=[Vocabulary("did", num_hash_buckets=9, num_hashes=2)],
            ),
            r"`history.action`: .*expected a `Categorical` with a row",
        ),
        (
            lambda: schema(
                Categorical("category"),
                item=[ITEM, Categorical("category", max_values=2)],
                sizes={"category": 4},
            ),
            r"`history.category`: .*expected what the item's feature of that name is",
        ),
        (
            lambda: small_schema(
                item=[ITEM, Timestamp("released")],
                sequences=[Sequence("history", (Categorical("query"),))],
            ),
            "`sequences`: .*shares a feature with the item",
        ),
    ],
)
def test_schema_that_does_not_suit_is_refused(made, text):
    with pytest.raises(InputError, match=text):
        EventSequence.of(made())


def test_unknown_sequence_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'history'"):
        EventSequence.of(SIZED, "histori")


def test_sequence_that_shares_nothing_is_refused():
    made = small_schema(sequences=[Sequence("searches", (Categorical("query"),))])
    with pytest.raises(InputError, match=r"`searches`: .*of \['item_id'\]"):
        EventSequence.of(made.with_sizes({"query": 3}), "searches")


@pytest.mark.parametrize("is_xla", [False, True])
def test_real_events_come_first_wherever_the_padding_is(is_xla):
    values = np.arange(15).reshape(3, 5)
    with kernels.xla(is_xla):
        places = real_places(MASK)
        found = np.asarray(compacted(values, places))
    assert found.shape == (3, 5)
    assert np.asarray(places.count).tolist() == [3, 0, 5]
    assert found[0, :3].tolist() == [1, 2, 4]
    assert found[2].tolist() == values[2].tolist()


def test_most_recent_events_stay_and_the_rest_costs_nothing():
    values = np.arange(30).reshape(3, 5, 2)
    with kernels.xla(False):
        places = real_places(MASK, limit=2)
        found = np.asarray(compacted(values, places))
        assert compacted(values[1:2], real_places(MASK[1:2])).shape == (1, 0, 2)
    assert found.shape == (3, 2, 2)
    assert found[0].tolist() == values[0, [2, 4]].tolist()
    assert found[2].tolist() == values[2, 3:].tolist()


@pytest.mark.parametrize("inner", [(), (3,)])
def test_values_go_back_to_where_their_events_stood(inner):
    values = np.arange(1, 1 + 15 * int(np.prod(inner)), dtype="float32")
    values = values.reshape(3, 5, *inner)
    found = np.asarray(restored(values, MASK))
    expected = np.zeros_like(values)
    for row, mask in enumerate(MASK):
        expected[row, mask] = values[row, : mask.sum()]
    np.testing.assert_array_equal(found, expected)
