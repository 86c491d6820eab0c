"""Tests of `tfctr.errors`."""

import pickle

import pytest

from tfctr.errors import InputError, UnknownName


def test_text_names_field_what_came_and_what_was_expected():
    error = InputError("age", received="text 'old'", expected="a number")
    assert str(error) == "`age`: received text 'old', expected a number."


def test_hint_follows_as_a_sentence():
    error = InputError("age", received=1, expected="2", hint="Convert it.")
    assert str(error) == "`age`: received 1, expected 2. Convert it."


def test_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)


def test_unknown_name_offers_the_nearest_known_ones():
    error = UnknownName("key", "emb_dim", ["embed_dim", "seed", "emb_dims"])
    assert "Did you mean 'emb_dims' or 'embed_dim'?" in str(error)
    assert "expected one of emb_dims, embed_dim, seed" in str(error)


def test_unknown_name_far_from_all_offers_none():
    assert "Did you mean" not in str(UnknownName("key", "xyz", ["seed"]))


def test_unknown_name_among_no_names_says_so():
    text = str(UnknownName("timestamp", "time", []))
    assert text == (
        "`timestamp`: received 'time', expected nothing: there are no names."
    )


def test_long_list_of_names_is_cut():
    error = UnknownName("key", "x", [f"name{k:03}" for k in range(100)])
    assert str(error).endswith("name029 ....")
    assert len(error.known) == 100


@pytest.mark.parametrize(
    "error",
    [
        InputError("f", received=1, expected="2", hint="3"),
        UnknownName("f", "DeepFN", ["DeepFM", "DIN"]),
    ],
)
def test_errors_survive_pickling(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
