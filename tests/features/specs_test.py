"""Tests of `tfctr.features.specs`."""

import dataclasses

import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.features import (
    Categorical,
    Label,
    Numeric,
    Sequence,
    Timestamp,
    Vector,
    Vocabulary,
)

ITEM = Categorical("item_id")
NAMED = (
    Categorical,
    Numeric,
    Timestamp,
    Label,
    Vocabulary,
    lambda name: Vector(name, 2),
    lambda name: Sequence(name, (ITEM,)),
    lambda name: Label("click", weight=name),
)


@pytest.mark.parametrize("make", NAMED)
@pytest.mark.parametrize("name", ["", "user id", "user-id", "1st", "_hidden", 3])
def test_names_have_to_be_identifiers(make, name):
    with pytest.raises(InputError, match="expected a Python identifier") as caught:
        make(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("make", NAMED)
def test_identifiers_of_any_alphabet_are_names(make):
    make("größe_2")


@pytest.mark.parametrize("value", [0, -1, 1.5, "3"])
@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("a.max_values", lambda n: Categorical("a", max_values=n)),
        ("a.dim", lambda n: Vector("a", n)),
        ("a.max_length", lambda n: Sequence("a", (ITEM,), max_length=n)),
        ("a.num_hash_buckets", lambda n: Vocabulary("a", num_hash_buckets=n)),
        ("a.max_size", lambda n: Vocabulary("a", max_size=n)),
        ("a.min_count", lambda n: Vocabulary("a", min_count=n)),
        ("a.num_oov", lambda n: Vocabulary("a", num_oov=n)),
    ],
)
def test_numbers_have_to_be_positive_and_whole(field, make, value):
    with pytest.raises(InputError, match="a positive whole number") as caught:
        make(value)
    assert caught.value.field == field
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "near"),
    [
        (lambda: Categorical("a", dtype="strin"), "'string'"),
        (lambda: Numeric("a", transform="standardise"), "'standardize'"),
        (lambda: Timestamp("a", calendar=("weekdays",)), "'weekday'"),
        (
            lambda: Sequence("a", (ITEM, Categorical("action")), action="acton"),
            "'action'",
        ),
    ],
)
def test_unknown_choice_is_refused_with_the_nearest(make, near):
    with pytest.raises(UnknownName, match=f"Did you mean {near}"):
        make()


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "Europe", "../zone"])
def test_unknown_time_zone_is_refused(zone):
    with pytest.raises(InputError, match="an IANA time zone") as caught:
        Timestamp("time", time_zone=zone)
    assert caught.value.field == "time.time_zone"
    assert repr(zone) in str(caught.value)


@pytest.mark.parametrize(
    "features", [(), (Numeric("price"), ITEM), (Categorical("tags", max_values=2),)]
)
def test_events_are_marked_by_a_single_valued_categorical(features):
    with pytest.raises(InputError, match=r"history\.features.*marks real events"):
        Sequence("history", features)


def test_time_of_events_has_to_be_a_timestamp():
    with pytest.raises(InputError, match=r"history\.timestamp.*received Numeric"):
        Sequence("history", (ITEM,), timestamp=Numeric("time"))


def test_fixed_values_have_to_be_distinct():
    with pytest.raises(InputError, match=r"`a\.values`: received duplicates"):
        Vocabulary("a", values=("x", "y", "x"))


def test_fixed_numbers_are_kept_as_text():
    assert Vocabulary("a", values=(10, 2)).values == ("10", "2")


def test_fixed_values_that_read_the_same_are_duplicates():
    with pytest.raises(InputError, match="duplicates"):
        Vocabulary("a", values=(1, "1"))


def test_vocabulary_is_not_both_fixed_and_hashed():
    with pytest.raises(InputError, match="at most one of them"):
        Vocabulary("a", values=("x",), num_hash_buckets=3)


@pytest.mark.parametrize(
    ("vocabulary", "learnt"),
    [
        (Vocabulary("a"), True),
        (Vocabulary("a", values=()), False),
        (Vocabulary("a", num_hash_buckets=3), False),
    ],
)
def test_vocabulary_is_learnt_unless_fixed_or_hashed(vocabulary, learnt):
    assert vocabulary.is_learnt is learnt


def test_feature_has_a_vocabulary_of_its_own_name_by_default():
    assert Categorical("user_id").vocabulary == "user_id"
    assert Categorical("interests", vocabulary="genre").vocabulary == "genre"


def test_lists_become_tuples_so_that_specs_can_be_compared():
    assert Sequence("h", [ITEM]) == Sequence("h", (ITEM,))
    assert Timestamp("t", calendar=["hour"]) == Timestamp("t", calendar=("hour",))


def test_specs_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ITEM.name = "other"


def test_label_that_hangs_on_itself_is_refused():
    with pytest.raises(InputError, match=r"click\.observed_if.*the label itself"):
        Label("click", observed_if="click")


def test_label_of_an_unknown_kind_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'value'"):
        Label("spend", kind="values")
    assert Label("spend", kind="value").is_value
    assert not Label("click").is_value


def test_values_do_not_ripen():
    with pytest.raises(InputError, match="only what is 0 or 1 ripens"):
        Label("spend", kind="value", ripeness="share")
