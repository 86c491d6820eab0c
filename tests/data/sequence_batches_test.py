"""Tests of batches of user sequences."""

import dataclasses

import keras
import numpy as np
import pytest

from tests.data import oracle
from tests.data.oracle import EVENTS, ITEMS, SPEC, USERS
from tfctr.data import Dataset, build_examples, sequences_to_dataset
from tfctr.data.learning import learn
from tfctr.data.user_sequences import build_user_sequences
from tfctr.errors import InputError
from tfctr.features import Vocabulary, frame_to_arrays

PARTS = ("train", "test")
STEPS = ("history_item_id", "history_genres", "history_rating", "history_timestamp")


def make(events=EVENTS, length=4):
    tables = {"events": events, "users": USERS, "items": ITEMS}
    schema = oracle.schema(length)
    parts = build_examples(*tables.values(), schema, SPEC, now=10**9)
    state = learn(schema, parts["train"])
    return Dataset("tiny", state.schema, state, **parts, **tables, spec=SPEC)


@pytest.fixture(scope="module")
def dataset():
    return make()


@pytest.fixture(scope="module")
def uneven():
    """40 users; user n has n + 1 events."""
    rows = [
        (f"v{n:02}", 100 + k, f"i{k % 8}", k % 5 + 1)
        for n in range(40)
        for k in range(n + 1)
    ]
    return make(oracle.events(*rows))


def by_user(batches):
    """Real positions of each row by its user and first weighted time."""
    rows = {}
    for x, y, w in batches:
        for row, user in enumerate(x["group_id"].numpy().tolist()):
            real = x["history_item_id"][row].numpy() != 0
            cells = {n: x[n][row].numpy()[real].tolist() for n in STEPS}
            cells["y"] = y["like"][row].numpy()[real].tolist()
            cells["w"] = w["like"][row].numpy()[real].tolist()
            rows[user, cells["history_timestamp"][0]] = cells
    return rows


def test_batches_hold_what_the_pointwise_encoding_gives(dataset):
    ((x, y, w),) = dataset.to_sequence_dataset("train", shuffle=False)
    frame = dataset.user_sequences("train")
    # The encoding of the same cells as one pointwise history of that length.
    longest = max(frame["history_item_id"].map(len))
    sequence = dataclasses.replace(dataset.schema.sequences[0], max_length=longest)
    state = dataset.state
    wide = dataclasses.replace(state.schema, sequences=(sequence,))
    arrays = frame_to_arrays(wide, frame, ("user", "sequence"))
    expected = state.encode(arrays)
    assert sorted(x) == sorted([*expected, "history_visible"])
    for name, values in expected.items():
        assert x[name].dtype == values.dtype
        np.testing.assert_array_equal(x[name], values)
    for row in range(len(frame)):
        length = len(frame["like"][row])
        np.testing.assert_array_equal(y["like"][row, :length], frame["like"][row])
        np.testing.assert_array_equal(w["like"][row, :length], 1)
        assert not w["like"][row, length:].numpy().any()


def test_a_batch_is_as_wide_as_its_longest_row(uneven):
    batches = list(uneven.to_sequence_dataset("test", 7, shuffle=False))
    lengths = uneven.user_sequences("test")["like"].map(len).to_numpy()
    widths = [int(x["history_item_id"].shape[1]) for x, _, _ in batches]
    parts = [lengths[start : start + 7] for start in range(0, len(lengths), 7)]
    assert widths == [max(part) for part in parts]


def test_shuffled_batches_hold_the_same_rows_in_a_new_order_each_pass(uneven):
    expected = by_user(uneven.to_sequence_dataset("train", 4, shuffle=False))
    batches = uneven.to_sequence_dataset("train", 4, seed=3)
    first, second = list(batches), list(batches)
    assert by_user(first) == expected
    assert by_user(second) == expected
    order = [x["group_id"].numpy().tolist() for x, _, _ in first]
    assert order != [x["group_id"].numpy().tolist() for x, _, _ in second]
    again = uneven.to_sequence_dataset("train", 4, seed=3)
    assert order == [x["group_id"].numpy().tolist() for x, _, _ in again]
    assert int(batches.cardinality()) == len(order)


def test_cost_follows_real_lengths(uneven):
    frame = uneven.user_sequences("train")
    real = int(frame["like"].map(len).sum())
    padded = sum(
        int(np.prod(w["like"].shape)) for _, _, w in uneven.to_sequence_dataset()
    )
    in_order_of_chance = max(frame["like"].map(len)) * len(frame)
    cut = sum(
        int(np.prod(w["like"].shape))
        for _, _, w in uneven.to_sequence_dataset(batch_size=4)
    )
    assert real <= cut <= 1.15 * real
    assert padded == in_order_of_chance  # one batch holds everybody


def test_a_keras_model_learns_from_them(uneven):
    """A table of ratings learns which of them the label is made of."""
    rating = keras.Input((None,), dtype="int32")
    model = keras.Model(rating, keras.layers.Embedding(8, 1)(rating))
    loss = keras.losses.BinaryCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(0.3), loss)

    def columns(x, y, w):
        return x["history_rating"], y["like"][..., None], w["like"]

    train, test = (uneven.to_sequence_dataset(p, 4).map(columns) for p in PARTS)
    # Other positions than the weighted ones have label 0 whatever the rating.
    assert model.evaluate(test, verbose=0) == pytest.approx(np.log(2), rel=0.05)
    model.fit(train, epochs=3, verbose=0)
    assert model.evaluate(test, verbose=0) < 0.1


def test_an_action_outside_the_declared_set_is_the_unknown_one():
    schema = oracle.schema()
    fixed = Vocabulary("rating", values=("1", "2", "3", "4", "5"))
    others = tuple(v for v in schema.vocabularies if v.name != "rating")
    schema = dataclasses.replace(schema, vocabularies=(*others, fixed))
    log = oracle.events(("u0", 1, "i0", 9), ("u0", 2, "i0", 1), ("u0", 3, "i1", 5))
    spec = dataclasses.replace(SPEC, train_fraction=1.0, validation_fraction=0.0)
    frame = build_user_sequences(log, USERS, ITEMS, schema, spec, now=10**9)["train"]
    points = build_examples(log, USERS, ITEMS, schema, spec, now=10**9)["train"]
    ((x, _, _),) = sequences_to_dataset(frame, learn(schema, points))
    assert x["history_rating"].numpy().tolist() == [[1, 2, 6]]  # 1 is unknown


def changed(frame, name, cell, row=0):
    cells = list(frame[name])
    cells[row] = cell(cells[row])
    return frame.assign(**{name: cells})


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("history_rating", lambda c: c[:-1], "`history_rating`: received 7 values"),
        ("history_timestamp", lambda c: c[::-1], "position 1 of row 0.*oldest first"),
        ("history_visible", lambda c: c + 1, "1 at position 0 .*its own place"),
        ("history_visible", lambda c: c - 1, "-1 at position 0 of row 0"),
        ("like", lambda c: c + 2, "`like`: received 2.0 at position 0.*0 or 1"),
        ("like_sample_weight", lambda c: -c, "a weight of at least 0"),
        ("history_item_id", lambda c: np.arange(8), "`history_item_id`.*text"),
    ],
)
def test_cells_that_do_not_fit_are_refused(dataset, name, cell, message):
    frame = changed(dataset.user_sequences(), name, cell)
    with pytest.raises(InputError, match=message):
        sequences_to_dataset(frame, dataset.state)


def test_bad_requests_are_refused(dataset):
    frame = dataset.user_sequences()
    with pytest.raises(InputError, match="`frame`: received no rows"):
        sequences_to_dataset(frame.head(0), dataset.state)
    with pytest.raises(InputError, match="`history_visible`: received a frame with"):
        sequences_to_dataset(frame.drop(columns="history_visible"), dataset.state)
    with pytest.raises(InputError, match="`batch_size`: received 0"):
        dataset.to_sequence_dataset(batch_size=0)
    with pytest.raises(InputError, match="`spec`: received nothing"):
        dataclasses.replace(dataset, spec=None).user_sequences()
    with pytest.raises(InputError, match=r"learns `user_id` from data.*schema\.fit"):
        sequences_to_dataset(frame, oracle.schema())
