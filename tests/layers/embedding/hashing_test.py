"""Tests of `tfctr.layers.embedding.hashing`."""

import hashlib
import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr.errors import InputError
from tfctr.layers.embedding.hashing import hashed_rows

LARGEST = 2**31 - 2
PINNED = [[168, 347], [300, 609], [344, 494]]


def rows_of(fingerprint, num_rows, num_hashes, salt):
    """The same in Python's whole numbers, which have no width."""
    if fingerprint == 0:
        return [0] * num_hashes
    rows = []
    for k in range(num_hashes):
        digest = hashlib.sha256(f"{salt}/{k}".encode()).digest()
        words = [int.from_bytes(digest[4 * n : 4 * n + 4], "little") for n in range(3)]
        first, second, offset = (word % 2**31 for word in words)
        x = fingerprint ^ offset
        x = (x ^ (x >> 15)) * (first | 1) % 2**31
        x = (x ^ (x >> 13)) * (second | 1) % 2**31
        x ^= x >> 16
        rows.append(1 + x * (num_rows - 1) // 2**31)
    return rows


@given(
    fingerprints=st.lists(st.integers(0, LARGEST), min_size=1, max_size=5),
    num_rows=st.integers(2, 2**31),
    num_hashes=st.integers(1, 4),
    salt=st.text(),
)
@settings(max_examples=60, deadline=None)
def test_rows_are_those_of_plain_python(fingerprints, num_rows, num_hashes, salt):
    rows = hashed_rows(np.array(fingerprints, "int32"), num_rows, num_hashes, salt)
    expected = [rows_of(f, num_rows, num_hashes, salt) for f in fingerprints]
    assert rows.numpy().tolist() == expected
    assert rows.dtype == tf.int32


@given(st.integers(1, LARGEST), st.integers(2, 2**31), st.text())
@settings(max_examples=60, deadline=None)
def test_only_missing_values_have_row_0(fingerprint, num_rows, salt):
    rows = hashed_rows(np.array([0, fingerprint]), num_rows, 3, salt).numpy()
    assert rows[0].tolist() == [0, 0, 0]
    assert (rows[1] >= 1).all()
    assert (rows[1].astype("int64") < num_rows).all()


def test_rows_stay_the_same_from_release_to_release():
    # Trained tables depend on them.
    rows = hashed_rows(np.array([1, 2, LARGEST]), 1000, 2, "user_id").numpy()
    assert rows.tolist() == [rows_of(f, 1000, 2, "user_id") for f in (1, 2, LARGEST)]
    assert rows.tolist() == PINNED


@pytest.mark.parametrize("jit_compile", [False, True])
def test_rows_are_the_same_in_graphs_and_in_xla(jit_compile):
    fingerprints = np.random.default_rng(0).integers(0, LARGEST, (40, 3))
    expected = [[rows_of(int(f), 999, 3, "s") for f in row] for row in fingerprints]
    traced = tf.function(
        lambda ids: hashed_rows(ids, 999, 3, "s"),
        jit_compile=jit_compile,
        input_signature=[tf.TensorSpec([None, 3], tf.int32)],
    )
    rows = traced(tf.constant(fingerprints, tf.int32))
    assert rows.numpy().tolist() == expected


def test_hash_functions_are_independent_of_each_other_and_of_the_salt():
    # 100,000 consecutive numbers into 50 rows: each pair of functions fills the
    # 2,500 pairs of rows evenly; chi-square has 2,499 degrees of freedom.
    ids = np.arange(1, 100_001)
    functions = [hashed_rows(ids, 51, 2, salt).numpy() for salt in ("user", "item")]
    columns = [column - 1 for rows in functions for column in rows.T]
    expected = len(ids) / 2500
    for one, other in itertools.combinations(columns, 2):
        counts = np.bincount(50 * one + other, minlength=2500)
        statistic = ((counts - expected) ** 2 / expected).sum()
        assert 2499 - 6 * 71 < statistic < 2499 + 6 * 71


def test_distinct_fingerprints_stay_distinct_where_there_is_room():
    rows = hashed_rows(np.arange(1, 50_001), 2**31, 1, "s").numpy()
    # Bijective up to the last of 2**31 - 1 rows, so hardly two meet.
    assert len(np.unique(rows)) >= 50_000 - 2


@pytest.mark.parametrize("num_rows", [1, 0, -3, 2**31 + 1])
def test_table_without_rows_for_values_is_refused(num_rows):
    with pytest.raises(InputError, match=f"`num_rows`: received {num_rows}"):
        hashed_rows(np.array([1]), num_rows, 1, "s")


def test_no_hash_function_is_refused():
    with pytest.raises(InputError, match="`num_hashes`: received 0"):
        hashed_rows(np.array([1]), 5, 0, "s")
