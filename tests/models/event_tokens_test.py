"""Tests of `tfctr.models.event_tokens`."""

import numpy as np

from tests.models.sequences import SCHEMA, users
from tfctr.models.event_sequence import EventSequence
from tfctr.models.event_tokens import EventTokens

X = users()


def made(**kwargs):
    tokens = EventTokens(
        SCHEMA,
        EventSequence.of(SCHEMA),
        **{"dim": 6, "embedding_dim": 3, "has_context": True, **kwargs},
    )
    fields = tokens.embed(X)
    return tokens, fields


def test_candidates_have_the_content_of_events():
    tokens, fields = made()
    items = {n: X[f"history_{n}"] for n in ("item_id", "category")}
    np.testing.assert_array_equal(tokens.candidates(items), tokens.content(fields))


def test_what_happened_is_the_action_and_what_items_lack():
    tokens, fields = made()
    before = np.asarray(tokens.happened(fields, X))
    for name in ("history_action", "history_seconds_watched"):
        other = {**X, name: np.ones_like(X[name])}
        after = tokens.happened(tokens.embed(other), other)
        assert np.abs(after - before).max() > 1e-3
    other = {**X, "history_item_id": np.ones_like(X["history_item_id"])}
    np.testing.assert_array_equal(tokens.happened(tokens.embed(other), other), before)


def test_placeholder_is_in_the_place_of_action_and_others():
    tokens, fields = made()
    tokens.happened(fields, X)
    joined = np.concatenate([tokens.actions.placeholder(), tokens.unknown_others])
    assert joined.shape == (8 + 3,)
    np.testing.assert_allclose(
        tokens.unknown(), tokens.action_layer(joined[None])[0], atol=1e-6
    )


def test_user_and_context_are_tokens_in_front_if_they_have_features():
    tokens, fields = made()
    # The context has a time alone, which has no vector.
    assert list(tokens.prefixes) == ["user"]
    (token,) = tokens.prefix(fields)
    joined = np.concatenate([fields["user_id"], fields["age"]], axis=-1)
    expected = joined @ np.asarray(tokens.prefixes["user"].kernel)
    np.testing.assert_allclose(token[:, 0], expected, atol=1e-6)


def test_events_without_action_all_have_the_same_one():
    schema = SCHEMA.sequences[0]
    plain = type(schema)(schema.name, schema.features[:2], schema.timestamp)
    changed = type(SCHEMA)(
        **{
            **{
                n: getattr(SCHEMA, n)
                for n in ("user", "item", "labels", "user_id", "item_id", "context")
            },
            "sequences": (plain,),
            "sizes": {n: s for n, s in SCHEMA.sizes.items() if n != "action"},
        }
    )
    tokens = EventTokens(
        changed,
        EventSequence.of(changed),
        dim=6,
        embedding_dim=3,
        has_context=False,
    )
    known = np.asarray(tokens.happened({}, X))
    np.testing.assert_array_equal(known, np.broadcast_to(known[:1, :1], known.shape))
    assert np.abs(known[0, 0] - np.asarray(tokens.unknown())).max() > 1e-4
