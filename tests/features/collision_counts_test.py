"""Tests of `tfctr.features.collisions`."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from tests.features.oracles import bucket
from tests.features.shop import small_schema
from tests.layers.embedding.hashing_test import rows_of
from tfctr.errors import InputError, UnknownName
from tfctr.features import (
    Categorical,
    FeatureSchema,
    SchemaState,
    Vocabulary,
    collisions,
)

TEXTS = [f"text {k}" for k in range(60)]


def schema_of(*vocabularies) -> FeatureSchema:
    return small_schema(context=[Categorical("url")], vocabularies=vocabularies)


def fingerprint(text):
    return 1 + bucket(text, 2**31 - 2)


def shares(rows):
    """Shares of touching and of equal tuples of rows, pair by pair."""
    pairs = [
        (k, set(one) & set(other), sorted(one) == sorted(other))
        for k, one in enumerate(rows)
        for n, other in enumerate(rows)
        if n != k
    ]
    touching = {k for k, common, _ in pairs if common}
    equal = {k for k, _, is_equal in pairs if is_equal}
    return len(touching) / len(rows), len(equal) / len(rows)


@pytest.mark.parametrize("num_hashes", [1, 2, 3])
def test_counts_are_those_of_comparing_all_pairs(num_hashes):
    user = Vocabulary("user_id", num_hash_buckets=40, table="ids")
    item = Vocabulary(
        "item_id", num_hash_buckets=40, num_hashes=num_hashes, table="ids"
    )
    found = collisions(
        schema_of(user, item), {"user_id": TEXTS[:20], "item_id": TEXTS[:30]}
    )["ids"]
    rows = [rows_of(fingerprint(t), 41, 1, "user_id") for t in TEXTS[:20]]
    rows += [rows_of(fingerprint(t), 41, num_hashes, "item_id") for t in TEXTS[:30]]
    assert (found.touching, found.equal) == shares(rows)
    assert (found.num_values, found.num_rows) == (50, 40)


def test_plain_hashing_collides_where_buckets_are_the_same():
    schema = schema_of(Vocabulary("url", num_hash_buckets=50))
    found = collisions(schema, {"url": [*TEXTS, TEXTS[0], ""]})["url"]
    counts = Counter(bucket(text, 50) for text in TEXTS)
    share = sum(counts[bucket(text, 50)] > 1 for text in TEXTS) / 60
    assert found.touching == found.equal == share
    assert found.expected_touching == pytest.approx(1 - (49 / 50) ** 59)
    assert found.expected_equal == pytest.approx(1 - (49 / 50) ** 59)


def test_expected_shares_are_those_of_rows_drawn_at_random():
    vocabulary = Vocabulary("url", num_hash_buckets=200, num_hashes=2)
    found = collisions(schema_of(vocabulary), {"url": TEXTS})["url"]
    rng = np.random.default_rng(0)
    drawn = [shares(rng.integers(0, 200, (60, 2)).tolist()) for _ in range(60)]
    touching, equal = np.mean(drawn, axis=0)
    assert found.expected_touching == pytest.approx(touching, abs=0.02)
    assert found.expected_equal == pytest.approx(equal, abs=0.002)


def test_texts_collide_as_often_as_rows_drawn_at_random():
    texts = [f"https://example.org/{k}" for k in range(20_000)]
    schema = schema_of(
        Vocabulary("user_id", num_hash_buckets=50_000, num_hashes=2, table="ids"),
        Vocabulary("url", num_hash_buckets=50_000, num_hashes=2, table="ids"),
    )
    found = collisions(schema, {"user_id": texts, "url": texts})["ids"]
    assert found.touching == pytest.approx(found.expected_touching, abs=0.01)
    # 2 / 50,000**2 for each of 40,000 others: 0.00003, that is 1 of 40,000 values.
    assert found.expected_equal == pytest.approx(3.2e-5, rel=0.01)
    assert found.equal <= 10 / 40_000


def test_equal_texts_of_two_features_have_rows_of_their_own():
    schema = schema_of(
        Vocabulary("user_id", num_hash_buckets=10**6, table="ids"),
        Vocabulary("url", num_hash_buckets=10**6, table="ids"),
    )
    found = collisions(schema, {"user_id": TEXTS, "url": TEXTS})["ids"]
    assert found.touching < 0.05


def test_tables_without_values_collide_nowhere():
    schema = schema_of(Vocabulary("url", num_hash_buckets=3))
    assert collisions(schema, {}) == {}
    found = collisions(schema, {"url": []})["url"]
    assert (found.touching, found.expected_touching, found.num_values) == (0, 0, 0)


def test_what_is_not_hashed_has_no_collisions():
    with pytest.raises(InputError, match="`url`: received a vocabulary without hashes"):
        collisions(schema_of(), {"url": TEXTS})
    with pytest.raises(UnknownName, match="Did you mean 'url'"):
        collisions(schema_of(), {"urls": TEXTS})


def test_fingerprints_are_hashes_of_the_text():
    schema = schema_of(Vocabulary("url", num_hash_buckets=3, num_hashes=2))
    state = SchemaState(schema, {"user_id": (), "item_id": ()}, {})
    ids = state.encode({"url": tf.constant(["x", "", "y"])})["url"]
    assert ids.numpy().tolist() == [fingerprint("x"), 0, fingerprint("y")]
    assert ids.dtype == tf.int32
