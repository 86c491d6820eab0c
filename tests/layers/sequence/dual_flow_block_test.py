"""Tests of `tfctr.layers.DualFlowBlock`: D1, D2, D5 to D12 and D15 of its method."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.sequence import hstu_oracle as oracle
from tfctr.layers import DualFlowBlock, HSTUSettings
from tfctr.layers.sequence.flow_pairs import earlier_sessions, past_pairs, prefix_pairs

RNG = np.random.default_rng(0)
N, WIDTH = 7, 6
REAL, FAKE = RNG.normal(size=(2, 3, N, WIDTH)).astype("float32")
TIMES = np.sort(RNG.integers(10**9, 10**9 + 10**6, (3, N)), axis=1)
SETTINGS = {"num_heads": 2, "divisor": 5.0, "max_distance": 4}
KINDS = [
    ("research", {}),
    ("research", {"diagonal": "none"}),
    ("ranking", {"time_bias": True}),
    ("softmax", {}),
    ("softmax", {"diagonal": "none"}),
]
every_kind = pytest.mark.parametrize(("preset", "changes"), KINDS)


class KeepsTheDiagonal(DualFlowBlock):
    """The mutation of D6: a fake token sees the real one in its own place."""

    def call(self, tokens, fake, visible=None, **kwargs):
        visible = np.arange(1, fake.shape[1] + 1, dtype="int32")[None]
        return super().call(tokens, fake, visible, **kwargs)


def stack(depth, preset="research", cls=DualFlowBlock, **changes):
    settings = HSTUSettings.of(preset, {**SETTINGS, **changes})
    blocks = [cls(settings, seed=place) for place in range(depth)]
    for place, block in enumerate(blocks):
        block.build(REAL.shape)
        oracle.perturbed(block, seed=place)
    return blocks


def run(blocks, real=REAL, fake=FAKE, visible=None, times=TIMES, fake_times=TIMES):
    """Both flows after all blocks."""
    for block in blocks:
        both = block(real, fake, visible=visible, times=times, fake_times=fake_times)
        real, fake = both["real"], both["fake"]
    return np.asarray(real), np.asarray(fake)


def one_sequence(blocks, order, mask):
    """Both flows by numpy, as one sequence of `2 N` tokens in the given order."""
    places = np.concatenate([np.arange(N), np.arange(N)])[order]
    outputs = []
    for user in range(len(REAL)):
        x = np.concatenate([REAL[user], FAKE[user]])[order]
        times = np.concatenate([TIMES[user], TIMES[user]])[order]
        for block in blocks:
            weights = oracle.weights_of(block)
            x = oracle.block(x, mask, places, times, weights, block.settings)
        outputs.append(x)
    back = np.argsort(order)
    found = np.stack(outputs)[:, back]
    return found[:, :N], found[:, N:]


def block_mask(settings):
    """`[[tril, 0], [strict tril, I]]`: rows see columns; real first, then fake."""
    own = np.eye(N, dtype=bool) * (settings.diagonal == "fake")
    past = np.tri(N, k=-1, dtype=bool)
    return np.block([[np.tri(N, dtype=bool), np.zeros((N, N), bool)], [past, own]])


# D1, D2: the two flows are one sequence --------------------------------------------


@every_kind
@pytest.mark.parametrize("depth", [1, 3])
def test_two_flows_equal_one_sequence_with_a_block_mask(preset, changes, depth):
    blocks = stack(depth, preset, **changes)
    expected = one_sequence(blocks, np.arange(2 * N), block_mask(blocks[0].settings))
    for found, wanted in zip(run(blocks), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_two_flows_equal_the_interleaved_order_under_a_causal_mask():
    blocks = stack(2)
    order = np.stack([N + np.arange(N), np.arange(N)], axis=1).ravel()  # fake, real
    # Causal, without the columns of other fake tokens.
    mask = np.tri(2 * N, dtype=bool)
    is_fake = order >= N
    mask &= ~is_fake[None, :] | np.eye(2 * N, dtype=bool)
    assert mask[is_fake].sum() == N * (N - 1) // 2 + N
    assert np.array_equal(mask, block_mask(blocks[0].settings)[order][:, order])
    for found, wanted in zip(
        run(blocks), one_sequence(blocks, order, mask), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


# D5 to D7: who sees what -----------------------------------------------------------


def changes_of_fake(blocks, place, real=REAL):
    """Largest change of each fake token if the real one at `place` is another."""
    changed = real.copy()
    changed[:, place] = RNG.normal(size=(len(real), WIDTH))
    before, after = run(blocks)[1], run(blocks, changed)[1]
    return np.abs(before - after).max(axis=-1)


@every_kind
@pytest.mark.parametrize("place", [0, 3, N - 1])
def test_no_fake_token_sees_its_own_action_or_a_later_one(preset, changes, place):
    change = changes_of_fake(stack(2, preset, **changes), place)
    np.testing.assert_array_equal(change[:, : place + 1], 0)
    assert (change[:, place + 1 :] > 1e-4).all()


def test_leak_is_found_where_the_real_diagonal_is_kept():
    change = changes_of_fake(stack(2, cls=KeepsTheDiagonal), 3)
    np.testing.assert_array_equal(change[:, :3], 0)
    assert (change[:, 3] > 1e-3).all()


def test_no_gradient_reaches_a_fake_token_from_its_own_action():
    blocks, real = stack(2), tf.constant(REAL)
    for place in (0, 4):
        with tf.GradientTape() as tape:
            tape.watch(real)
            fake, tokens = tf.constant(FAKE), real
            for block in blocks:
                both = block(tokens, fake, times=TIMES, fake_times=TIMES)
                tokens, fake = both["real"], both["fake"]
            total = tf.reduce_sum(fake[:, place] ** 2)
        gradient = np.abs(tape.gradient(total, real)).max(axis=-1)
        np.testing.assert_array_equal(gradient[:, place:], 0)
        assert (gradient[:, :place] > 1e-6).all()


def test_real_flow_sees_neither_the_future_nor_the_fake_flow():
    blocks = stack(2)
    before = run(blocks)[0]
    changed = REAL.copy()
    changed[:, 4] += RNG.normal(size=WIDTH).astype("float32")
    after = run(blocks, changed)[0]
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert (np.abs(before - after)[:, 4:].max(axis=-1) > 1e-4).all()
    other = run(blocks, fake=FAKE[:, ::-1] * 3)[0]
    np.testing.assert_array_equal(before, other)


# D8, D10, D11: training is serving ---------------------------------------------------


def served(blocks, place, fake):
    """Candidates behind the first `place` real tokens, by cached keys and values."""
    tokens, times = REAL[:, :place], TIMES[:, :place]
    count = np.full((len(REAL), 1), place, "int32")
    last_bucket = blocks[0].last_bucket
    pairs = prefix_pairs(count, TIMES[:, place : place + 1], times, last_bucket)
    for block in blocks:
        tokens, keys, values = block.read(
            tokens, past_pairs(tokens, times, last_bucket)
        )
        fake = block.candidates(fake, keys, values, pairs)
    return np.asarray(fake)


@every_kind
@pytest.mark.parametrize("depth", [1, 3])
def test_each_fake_token_is_a_candidate_behind_its_history(preset, changes, depth):
    blocks = stack(depth, preset, **changes)
    trained = run(blocks)[1]
    for place in range(N):
        found = served(blocks, place, FAKE[:, place : place + 1])
        np.testing.assert_allclose(found[:, 0], trained[:, place], atol=1e-5)


def test_divisor_by_length_would_not_serve_what_is_trained():
    blocks = stack(2)
    trained = run(blocks)[1]
    for block in blocks:
        block.attention = type(block.attention)("silu", divisor=4.0)
    found = served(blocks, 4, FAKE[:, 4:5])
    assert np.abs(found[:, 0] - trained[:, 4]).max() > 1e-2


def test_candidates_together_are_those_alone_in_any_order():
    blocks = stack(2)
    together = served(blocks, 5, FAKE)
    np.testing.assert_allclose(
        served(blocks, 5, FAKE[:, ::-1]), together[:, ::-1], atol=5e-6
    )
    for place in range(N):
        alone = served(blocks, 5, FAKE[:, place : place + 1])
        np.testing.assert_allclose(alone[:, 0], together[:, place], atol=5e-6)


def test_candidates_that_saw_each_other_would_differ():
    blocks = stack(2)
    mask = np.tri(2 * N, dtype=bool)  # a history of N, then N candidates, all causal
    places = np.minimum(np.arange(2 * N), N)
    x = np.concatenate([REAL[0], FAKE[0]])
    times = np.concatenate([TIMES[0], np.full(N, TIMES[0, -1] + 5)])
    for block in blocks:
        weights = oracle.weights_of(block)
        x = oracle.block(x, mask, places, times, weights, block.settings)
    tokens, fake = REAL[:1], FAKE[:1]
    pairs = prefix_pairs(
        np.array([[N]], "int32"), times[None, N : N + 1], TIMES[:1], 128
    )
    for block in blocks:
        tokens, keys, values = block.read(tokens, past_pairs(tokens, TIMES[:1], 128))
        fake = block.candidates(fake, keys, values, pairs)
    np.testing.assert_allclose(fake[0, 0], x[N], atol=1e-4)
    assert np.abs(np.asarray(fake[0, 1:]) - x[N + 1 :]).max() > 0.1


# D12: sessions ------------------------------------------------------------------------


def test_action_of_a_session_changes_later_sessions_only():
    sessions = np.array([[4, 4, 4, 9, 9, 2, 2]] * 3)
    visible, blocks = earlier_sessions(sessions), stack(2)
    before = run(blocks, visible=visible)[1]
    for place in range(N):
        changed = REAL.copy()
        changed[:, place] = RNG.normal(size=(3, WIDTH))
        after = run(blocks, changed, visible=visible)[1]
        change = np.abs(before - after).max(axis=-1)
        later = np.flatnonzero(sessions[0] != sessions[0, place])
        later = later[later > place]
        rest = np.setdiff1d(np.arange(N), later)
        np.testing.assert_array_equal(change[:, rest], 0)
        assert (change[:, later] > 1e-5).all()


# D15: what there is, and what is computed ---------------------------------------------


def test_two_flows_have_the_weights_of_one():
    from tfctr.layers import HSTUBlock

    settings = HSTUSettings.of("research", SETTINGS)
    one, two = HSTUBlock(settings), DualFlowBlock(settings)
    for block in (one, two):
        block.build(REAL.shape)
    assert two.count_params() == one.count_params()
    assert two.count_params() == WIDTH * 24 + 5 + 129 + 6 * WIDTH + WIDTH


def test_no_score_matrix_is_twice_as_wide_as_the_sequence():
    block = stack(1)[0]

    @tf.function(autograph=False)
    def step(real, fake):
        with tf.GradientTape() as tape:
            both = block(real, fake, times=TIMES, fake_times=TIMES)
            total = tf.reduce_sum(both["fake"] ** 2) + tf.reduce_sum(both["real"] ** 2)
        return tape.gradient(total, [w.value for w in block.trainable_weights])

    graph = step.get_concrete_function(REAL, FAKE).graph
    shapes = [t.shape for op in graph.get_operations() for t in op.outputs]
    known = [tuple(s) for s in shapes if s.rank is not None]
    assert any(s[-2:] == (N, N) for s in known)
    assert not [s for s in known if s[-2:] == (2 * N, 2 * N) or s[-1:] == (2 * N,)]


def test_keys_that_are_seen_are_as_many_as_the_formula_says():
    tokens = np.zeros((1, N, WIDTH))
    real, fake = past_pairs(tokens, None, 0), np.arange(N)
    assert np.sum(real.visible) + np.sum(fake) + N == N**2 + N
