"""Tests of `tfctr.models.IDPretraining`: B1, B2, B4 and B6 of the methods file."""

import math

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tests.features.shop import small_schema
from tfctr import optimizers
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Sequence, Vocabulary
from tfctr.layers.embedding.hashing import hashed_rows
from tfctr.models import DCNv2, IDPretraining

SCHEMA = small_schema(
    user=[Categorical("user_id"), Categorical("city")],
    item=[Categorical("item_id"), Categorical("tags", max_values=2)],
    sequences=[Sequence("past", (Categorical("item_id"),), max_length=3)],
).with_sizes({"user_id": 30, "item_id": 20, "city": 4, "tags": 5})
RNG = np.random.default_rng(3)
IDS = {
    "user_id": np.array([2, 3, 2, 5], "int32"),
    "item_id": np.array([4, 7, 4, 9], "int32"),
}


def made(**kwargs):
    """A model with tables that are all random."""
    model = IDPretraining(SCHEMA, **{"dim": 3, **kwargs})
    model.build()
    table = model.embeddings.table.embeddings
    table.assign(RNG.normal(size=table.shape))
    return model


def rows_of(model, key):
    start, stop = model.embeddings.tables[f"table_{key}"]
    return np.asarray(model.embeddings.table.embeddings)[start:stop]


def loss_of(model, x, y=None, weight=None):
    return float(model.compute_loss(x, y, model(x), weight, training=False))


def mean_loss(scores, ids):
    """The loss by its definition, one positive after the other."""
    losses = []
    for row, item in enumerate(ids[: len(scores)]):
        others = [c for c in range(len(ids)) if ids[c] != item]
        logits = scores[row, [row, *others]]
        losses.append(-scipy.special.log_softmax(logits)[0])
    return np.mean(losses)


def pairs(count, seed=0):
    """Positives of a world in which groups of users like groups of items."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(2, 30, 8 * count), rng.integers(2, 20, 8 * count)
    liked = rng.random(8 * count) < np.where(user % 3 == item % 3, 0.9, 0.1)
    chosen = np.flatnonzero(liked)[:count]
    x = {"user_id": user[chosen], "item_id": item[chosen]}
    return {name: values.astype("int32") for name, values in x.items()}


# B1: the loss ----------------------------------------------------------------------


def test_two_pairs_by_hand():
    model = made(dim=1)
    x = {"user_id": np.array([2, 3]), "item_id": np.array([4, 5])}
    table = np.zeros(model.embeddings.table.embeddings.shape)
    users, items = (
        model.embeddings.tables[f"table_{n}"][0] for n in ("user_id", "item_id")
    )
    table[[users + 2, users + 3, items + 4, items + 5], 0] = [1.0, 2.0, 3.0, -1.0]
    model.embeddings.table.embeddings.assign(table)
    # Scores are [[3, -1], [6, -2]].
    expected = (math.log1p(math.exp(-4)) + math.log1p(math.exp(8))) / 2
    assert loss_of(model, x) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("size", [2, 7])
def test_equal_scores_cost_the_logarithm_of_the_batch(size):
    model = made()
    model.embeddings.table.embeddings.assign(
        np.zeros(model.embeddings.table.embeddings.shape)
    )
    x = {"user_id": np.arange(size), "item_id": np.arange(size)}
    assert loss_of(model, x) == pytest.approx(math.log(size), rel=1e-6)


def test_the_item_itself_is_no_negative_wherever_it_comes():
    model = made()
    scores = rows_of(model, "user_id")[IDS["user_id"]] @ (
        rows_of(model, "item_id")[IDS["item_id"]].T
    )
    assert loss_of(model, IDS) == pytest.approx(mean_loss(scores, IDS["item_id"]))


def test_batch_of_one_item_costs_nothing():
    x = {"user_id": np.array([2, 3, 4]), "item_id": np.array([6, 6, 6])}
    model = made()
    assert loss_of(model, x) == 0.0
    model.compile(optimizers.SparseSGD(1.0))
    before = np.asarray(model.embeddings.table.embeddings)
    model.fit(x, verbose=0)
    np.testing.assert_array_equal(model.embeddings.table.embeddings, before)


def test_temperature_and_length_one():
    model = made(temperature=0.5, normalize=True)
    user, item = (rows_of(model, name)[IDS[name]] for name in ("user_id", "item_id"))
    user /= np.linalg.norm(user, axis=1, keepdims=True)
    item /= np.linalg.norm(item, axis=1, keepdims=True)
    scores = user @ item.T / 0.5
    found = model(IDS)
    np.testing.assert_allclose(found["score"], np.diagonal(scores), rtol=1e-5)
    np.testing.assert_allclose(found["user"], user, rtol=1e-5)
    expected = mean_loss(scores, IDS["item_id"])
    assert loss_of(model, IDS) == pytest.approx(expected, rel=1e-5)


def test_rows_without_the_label_are_negatives_alone():
    model = made()
    x = {"user_id": np.array([2, 3]), "item_id": np.array([4, 5])}
    scores = rows_of(model, "user_id")[[2, 3]] @ rows_of(model, "item_id")[[4, 5]].T
    expected = -scipy.special.log_softmax(scores[0])[0]
    labels = {"click": np.array([1.0, 0.0])}
    assert loss_of(model, x, labels) == pytest.approx(expected, rel=1e-5)
    assert loss_of(model, x, None, np.array([3.0, 0.0])) == pytest.approx(
        expected, rel=1e-5
    )


def test_random_negatives_join_the_softmax():
    model = made(num_random_negatives=40)
    drawn = model.random_items.draw(40, training=False)["item_id"].numpy()
    assert drawn.min() >= 2
    assert drawn.max() < 20
    ids = np.concatenate([IDS["item_id"], drawn])
    scores = (
        rows_of(model, "user_id")[IDS["user_id"]] @ rows_of(model, "item_id")[ids].T
    )
    assert loss_of(model, IDS) == pytest.approx(mean_loss(scores, ids), rel=1e-5)


# B2: the correction ----------------------------------------------------------------


def test_equal_shares_change_nothing():
    even = {"user_id": np.arange(2, 20), "item_id": np.arange(2, 20)}
    plain, corrected = made(), made(logq="exact")
    corrected.embeddings.table.embeddings.assign(plain.embeddings.table.embeddings)
    corrected.count_items(even)
    assert loss_of(corrected, even) == pytest.approx(loss_of(plain, even), rel=1e-6)


def test_exact_shares_are_those_of_the_data():
    x = pairs(3000)
    model = made(logq="exact", smoothing=0.0)
    model.count_items(x)
    shares = np.bincount(x["item_id"], minlength=20) / 3000
    seen = np.flatnonzero(shares)
    log_shares = model.frequencies.log_shares(seen)
    np.testing.assert_allclose(np.exp(log_shares), shares[seen], rtol=1e-5)
    assert np.exp(log_shares).sum() == pytest.approx(1.0, rel=1e-5)
    scores = rows_of(model, "user_id")[IDS["user_id"]] @ (
        rows_of(model, "item_id")[IDS["item_id"]].T
    ) - np.log(shares[IDS["item_id"]])
    expected = mean_loss(scores, IDS["item_id"])
    assert loss_of(model, IDS) == pytest.approx(expected, rel=1e-5)


def test_streaming_shares_are_those_of_what_was_trained_on():
    x = pairs(512)
    model = made(logq="streaming", smoothing=0.0)
    model.compile()
    model.fit(x, batch_size=64, epochs=2, verbose=0)
    counts = 2 * np.bincount(x["item_id"], minlength=20)
    np.testing.assert_array_equal(model.frequencies.counts, counts)
    model.evaluate(x, verbose=0)
    assert int(model.frequencies.total) == 1024


def test_unseen_items_have_a_smoothed_share():
    model = made(logq="exact", smoothing=0.5)
    model.count_items(IDS)
    share = np.exp(model.frequencies.log_shares(np.array([15])))
    np.testing.assert_allclose(share, [0.5 / (4 + 0.5 * 20)], rtol=1e-6)


def test_random_negatives_count_in_the_correction():
    model = made(logq="exact", smoothing=0.0, num_random_negatives=6)
    model.count_items(IDS)
    ids = np.concatenate([[4, 7, 4, 9], [2, 3, 4, 5, 6, 7]]).astype("int32")
    # Of four positives half have item 4; each of 18 items is drawn six times in 18.
    expected = np.log(4 * np.array([2 / 4, 1 / 4]) + 6 / 18)
    np.testing.assert_allclose(model._log_q(ids)[:2], expected, rtol=1e-5)


def test_exact_counts_are_made_by_fit_or_asked_for():
    model = made(logq="exact")
    model.compile()
    model.fit(IDS, epochs=2, verbose=0)
    assert int(model.frequencies.total) == 4
    model = made(logq="exact")
    model.compile()
    with pytest.raises(InputError, match=r"`logq`.*count_items"):
        model.fit(tf.data.Dataset.from_tensor_slices(IDS).batch(2))


# B4: hashed and shared tables ------------------------------------------------------


def hashed(**kwargs):
    vocabularies = [
        Vocabulary("user_id", num_hash_buckets=50, num_hashes=2, table="ids"),
        Vocabulary("item_id", num_hash_buckets=50, num_hashes=2, table="ids"),
    ]
    schema = small_schema(vocabularies=vocabularies)
    return IDPretraining(schema, dim=3, **kwargs)


def test_hashed_ids_share_a_table_and_train():
    model = hashed(logq="streaming")
    x = pairs(300)
    model.compile(optimizers.LazyAdam(1e-2))
    history = model.fit(x, batch_size=50, epochs=4, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert list(model.embeddings.tables) == ["table_ids"]
    np.testing.assert_array_equal(model(x)["item"], model(x)["item"])
    far = {name: np.array([2**31 - 2], "int32") for name in x}
    assert np.isfinite(model(far)["score"]).all()
    # A count-min sketch: never too few, and too many only where counters collide.
    counts = np.bincount(x["item_id"], minlength=20)
    shares = np.exp(
        [float(model._log_q(np.array([k], "int32"))[0]) for k in range(2, 20)]
    )
    assert (shares >= (4 * counts[2:] + 0.9) / (4 * 300 + 51)).all()
    with pytest.raises(InputError, match=r"`num_random_negatives`.*set_items"):
        hashed(num_random_negatives=3).fit(x)


@pytest.mark.parametrize("num_rows", [1000, 4000])
def test_chance_that_an_id_collides(num_rows):
    count = 2000
    rows = np.asarray(hashed_rows(np.arange(1, count + 1), num_rows + 1, 1, "user"))
    taken = np.bincount(rows[:, 0])[rows[:, 0]]
    expected = 1 - (1 - 1 / num_rows) ** (count - 1)
    # Deviation of the mean of 2,000 is below 0.012.
    assert (taken > 1).mean() == pytest.approx(expected, abs=0.04)


# Features, training, files ---------------------------------------------------------


@pytest.mark.parametrize("pooling", ["sum", "mean"])
def test_sides_are_sums_or_means_of_their_ids(pooling):
    model = made(
        user_features=["city", "past_item_id"],
        item_features=["item_id", "tags"],
        pooling=pooling,
    )
    x = {
        "city": np.array([1, 2], "int32"),
        "past_item_id": np.array([[3, 4, 0], [0, 0, 0]], "int32"),
        "item_id": np.array([5, 6], "int32"),
        "tags": np.array([[1, 2], [3, 0]], "int32"),
    }
    items, tags = rows_of(model, "item_id"), rows_of(model, "tags")
    past = np.stack([(items[3] + items[4]) / 2, np.zeros(3)])
    share = 1 if pooling == "sum" else 0.5
    found = model(x)
    user = (rows_of(model, "city")[[1, 2]] + past) * share
    item = (items[[5, 6]] + [(tags[1] + tags[2]) / 2, tags[3]]) * share
    np.testing.assert_allclose(found["user"], user, rtol=1e-5)
    np.testing.assert_allclose(found["item"], item, rtol=1e-5)
    assert list(model.embeddings.tables) == [
        "table_city",
        "table_item_id",
        "table_tags",
    ]


def test_held_out_loss_falls_in_every_epoch():
    """B6, small; a ranking metric rises as well."""
    model = IDPretraining(SCHEMA, dim=8)
    model.compile(optimizers.default(2e-3))
    history = model.fit(
        pairs(4000),
        validation_data=(pairs(1000, seed=1),),
        batch_size=100,
        epochs=5,
        verbose=0,
    ).history
    assert (np.diff(history["val_loss"]) < 0).all()
    assert history["val_in_batch_auc"][-1] > history["val_in_batch_auc"][0] + 0.05


def test_two_fits_of_one_seed_agree_and_files_keep_all(tmp_path):
    x, models = pairs(256), []
    for _ in range(2):
        model = IDPretraining(SCHEMA, dim=3, logq="exact", num_random_negatives=5)
        model.compile()
        model.fit(x, batch_size=64, verbose=0, shuffle=False)
        models.append(model)
    tables = [model.embeddings.table.embeddings for model in models]
    np.testing.assert_array_equal(*tables)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x)["score"], model(x)["score"])
    assert again.evaluate(x, verbose=0) == model.evaluate(x, verbose=0)
    assert again.get_config() == model.get_config()


def test_tables_begin_as_those_of_a_ranker_of_the_seed():
    model, ranker = IDPretraining(SCHEMA, dim=3, seed=5), DCNv2(SCHEMA, dim=3, seed=5)
    model.build()
    ranker.build()
    np.testing.assert_array_equal(rows_of(model, "item_id"), rows_of(ranker, "item_id"))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"pooling": "max"}, UnknownName, "`pooling`"),
        ({"logq": "exakt"}, UnknownName, "Did you mean 'exact'"),
        ({"temperature": 0.0}, InputError, "`temperature`: received 0.0"),
        ({"num_random_negatives": -1}, InputError, "`num_random_negatives`"),
        ({"item_features": ["user_id"]}, UnknownName, "`item_features`"),
        ({"item_features": ["tags"]}, InputError, "a single id first"),
        ({"user_features": ["city", "city"]}, InputError, "each name once"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        IDPretraining(SCHEMA, **arguments)


def test_bad_positives_are_refused():
    model = made(user_features=["user_id", "city"])
    model.compile()
    with pytest.raises(UnknownName, match="`input city`"):
        model(IDS)
    with pytest.raises(InputError, match=r"`city`.*always missing"):
        model.fit({**IDS, "city": np.zeros(4, "int32")})
    with pytest.raises(InputError, match="`loss`"):
        model.compile(loss="mse")
