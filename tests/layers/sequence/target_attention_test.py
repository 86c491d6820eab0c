"""Tests of `tfctr.layers.TargetAttention`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr import kernels
from tfctr.errors import InputError, UnknownName
from tfctr.layers import TargetAttention
from tfctr.layers.sequence.events import RealEvents

RNG = np.random.default_rng(0)
BATCH, COUNT, TIME, DIM = 3, 4, 5, 2
CANDIDATES = RNG.normal(size=(BATCH, COUNT, DIM)).astype("float32")
EVENTS = RNG.normal(size=(BATCH, TIME, DIM)).astype("float32")
MASK = np.arange(TIME)[None] < np.array([[5], [2], [0]])


def relu(x):
    return np.maximum(x, 0)


def attend(layer, kernel, candidates, events, mask, activation=relu):
    """The attention of the paper: an MLP on `[c, e, c - e, c * e]`, a pair at a time.

    `kernel`, `(4 * dim, units)`, is that of the first layer; the later ones' weights
    are those of `layer`.
    """
    pooled = np.zeros(candidates.shape)
    for b, n in np.ndindex(*candidates.shape[:2]):
        c, scores = candidates[b, n], []
        real = events[b][mask[b]]
        for e in real:
            hidden = np.concatenate([c, e, c - e, c * e]) @ kernel
            hidden = activation(hidden + np.asarray(layer.bias))
            for dense in layer.scorer.dense_layers if layer.scorer else ():
                hidden = hidden @ np.asarray(dense.kernel) + np.asarray(dense.bias)
                hidden = activation(hidden)
            last = layer.score
            bias = np.asarray(last.bias) if last.use_bias else 0
            scores.append(hidden @ np.asarray(last.kernel) + bias)
        if len(real):
            scores = np.reshape(scores, -1)
            if layer.normalization == "softmax":
                scores = np.exp(scores - scores.max())
                scores /= scores.sum()
            pooled[b, n] = scores @ real
    return pooled


def with_concatenated_kernel(layer):
    """Gives the layer the weights of a random kernel on `[c, e, c - e, c * e]`."""
    layer.build(CANDIDATES.shape, EVENTS.shape)
    units = layer.hidden_units[0]
    kernel = RNG.normal(size=(4 * DIM, units)).astype("float32")
    on_c, on_e, on_difference, on_product = np.split(kernel, 4)
    # c @ a + e @ b + (c - e) @ d = c @ (a + d) + e @ (b - d)
    layer.candidate_kernel.assign(on_c + on_difference)
    layer.event_kernel.assign(on_e - on_difference)
    layer.product_kernel.assign(on_product)
    for weight in layer.weights:
        if weight.name == "bias":
            weight.assign(RNG.normal(size=weight.shape))
    return kernel


@pytest.mark.parametrize("normalization", ["none", "softmax"])
@pytest.mark.parametrize("units", [[6], [6, 3], [5, 4, 3]])
def test_equals_the_mlp_on_the_concatenation(units, normalization):
    layer = TargetAttention(hidden_units=units, normalization=normalization)
    kernel = with_concatenated_kernel(layer)
    expected = attend(layer, kernel, CANDIDATES, EVENTS, MASK)
    result = layer(CANDIDATES, EVENTS, events_mask=MASK)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    assert np.abs(expected[:2]).min() > 0


@pytest.mark.parametrize("normalization", ["none", "softmax"])
@pytest.mark.parametrize("units", [(6,), (4, 3)])
def test_list_of_real_events_pools_as_the_padded_form(units, normalization):
    layer = TargetAttention(hidden_units=units, normalization=normalization, seed=2)
    candidates, events = tf.Variable(CANDIDATES[:, 0]), tf.Variable(EVENTS)
    upstream = RNG.normal(size=(BATCH, DIM)).astype("float32")
    found = []
    for is_flat in (True, False):
        with kernels.xla(False), tf.GradientTape() as tape:
            if is_flat:
                layout = RealEvents(MASK)
                pooled = layer.pool(candidates, layout.select(events), layout)
            else:
                padded = layer(candidates[:, None], events, events_mask=MASK)
                pooled = padded[:, 0]
        watched = [candidates, events, *layer.trainable_variables]
        gradients = tape.gradient(pooled, watched, output_gradients=upstream)
        found.append([pooled, *map(tf.convert_to_tensor, gradients)])
    for flat, padded in zip(*found, strict=True):
        np.testing.assert_allclose(flat, padded, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found[0][0][2], np.zeros(DIM))  # no event at all


def test_activation_is_the_given_one():
    layer = TargetAttention(hidden_units=[4, 3], activation="tanh")
    kernel = with_concatenated_kernel(layer)
    expected = attend(layer, kernel, CANDIDATES, EVENTS, MASK, np.tanh)
    result = layer(CANDIDATES, EVENTS, events_mask=MASK)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_without_mask_all_events_are_real():
    layer = TargetAttention()
    full = np.ones((BATCH, TIME), bool)
    np.testing.assert_allclose(
        layer(CANDIDATES, EVENTS), layer(CANDIDATES, EVENTS, events_mask=full)
    )


@pytest.mark.parametrize("normalization", ["none", "softmax"])
def test_padding_equals_truncation(normalization):
    layer = TargetAttention(normalization=normalization)
    mask = np.arange(TIME)[None] < np.full((BATCH, 1), 3)
    padded = EVENTS.copy()
    padded[:, 3:] = 1e6
    np.testing.assert_allclose(
        layer(CANDIDATES, padded, events_mask=mask),
        layer(CANDIDATES, EVENTS[:, :3]),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("normalization", ["none", "softmax"])
def test_empty_history_pools_to_zeros(normalization):
    layer = TargetAttention(normalization=normalization)
    layer.build(CANDIDATES.shape, EVENTS.shape)
    if layer.score.use_bias:
        layer.score.bias.assign([3.0])
    mask = np.zeros((BATCH, TIME), bool)
    pooled = layer(CANDIDATES, EVENTS, events_mask=mask)
    np.testing.assert_array_equal(pooled, np.zeros_like(CANDIDATES))


def test_history_without_places_pools_to_zeros():
    pooled = TargetAttention()(CANDIDATES, EVENTS[:, :0])
    np.testing.assert_array_equal(pooled, np.zeros_like(CANDIDATES))


def test_candidates_do_not_depend_on_each_other():
    layer = TargetAttention(normalization="softmax")
    together = layer(CANDIDATES, EVENTS, events_mask=MASK)
    for place in range(COUNT):
        alone = layer(CANDIDATES[:, [place]], EVENTS, events_mask=MASK)
        np.testing.assert_allclose(alone[:, 0], together[:, place], rtol=1e-5)


def test_order_of_events_does_not_matter():
    layer = TargetAttention()
    np.testing.assert_allclose(
        layer(CANDIDATES, EVENTS[:, ::-1], events_mask=MASK[:, ::-1]),
        layer(CANDIDATES, EVENTS, events_mask=MASK),
        rtol=1e-4,
        atol=1e-6,
    )


def test_softmax_weights_sum_to_one():
    # Equal events pool to themselves, whatever their scores.
    events = np.repeat(EVENTS[:, :1], TIME, axis=1)
    pooled = TargetAttention(normalization="softmax")(CANDIDATES, events)
    expected = np.repeat(EVENTS[:, :1], COUNT, axis=1)
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)


def test_unnormalised_weights_grow_with_the_number_of_events():
    once, twice = EVENTS[:, :1], np.repeat(EVENTS[:, :1], 2, axis=1)
    layer = TargetAttention()
    pooled = np.asarray(layer(CANDIDATES, once))
    np.testing.assert_allclose(layer(CANDIDATES, twice), 2 * pooled, rtol=1e-5)


def test_unknown_normalization_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'softmax'"):
        TargetAttention(normalization="soft_max")


@pytest.mark.parametrize("units", [[], [4, 0]])
def test_widths_have_to_be_positive(units):
    with pytest.raises(InputError, match=r"`hidden_units`.*positive widths"):
        TargetAttention(hidden_units=units)
