"""Tests of `tfctr.layers.LongShortInterest`."""

import numpy as np
import pytest

from tfctr.layers import InterestSettings, LongShortInterest

RNG = np.random.default_rng(0)
BATCH, COUNT, TIME, DIM = 3, 2, 6, 4
CANDIDATES = RNG.normal(size=(BATCH, COUNT, DIM)).astype("float32")
EVENTS = RNG.normal(size=(BATCH, TIME, DIM)).astype("float32")
REQUEST = np.array([1_700_000_000, 1_690_000_000, 1_680_000_000])
TIMES = REQUEST[:, None] - np.cumsum(RNG.integers(1, 10**6, (BATCH, TIME)), 1)[:, ::-1]
GIVEN = (CANDIDATES, EVENTS, TIMES, REQUEST)
MASK = np.arange(TIME)[None] < np.array([[6], [3], [0]])
VARIANTS = ("full", "L", "L-c", "L-t", "S", "F", "wo-TP", "longer")
SMALL = {"attention_units": (5, 3)}


def made(variant="full", preset="default", **changes):
    settings = {"variant": variant, **SMALL, **changes}
    layer = LongShortInterest(InterestSettings.of(preset, settings))
    layer(*GIVEN)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return layer


def weights_of(layer):
    return {w.path.split("/", 1)[1]: tuple(w.shape) for w in layer.weights}


def padded(before, between, after):
    """Events and times with unreal ones before, in the middle and behind."""

    def pad(values, by):
        parts = np.split(values, [TIME // 2], axis=1)
        shape = (BATCH, 1, *values.shape[2:])
        fill = [np.full(shape, by, values.dtype)]
        parts = [*fill * before, parts[0], *fill * between, parts[1], *fill * after]
        return np.concatenate(parts, axis=1)

    return pad(EVENTS, 9.0), pad(TIMES, -1), pad(MASK, False)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("preset", ["default", "paper", "author"])
def test_row_without_events_has_no_interests(variant, preset):
    found = np.asarray(made(variant, preset)(*GIVEN, events_mask=MASK))
    assert not found[2].any()
    assert np.abs(found[:2]).max(axis=-1).min() > 0
    assert np.isfinite(found).all()


@pytest.mark.parametrize("variant", ["full", "wo-TP", "longer"])
@pytest.mark.parametrize("places", [(0, 0, 3), (2, 0, 0), (0, 2, 0), (1, 1, 1)])
def test_padding_changes_nothing_wherever_it_lies(variant, places):
    layer = made(variant)
    events, times, mask = padded(*places)
    np.testing.assert_allclose(
        layer(CANDIDATES, events, times, REQUEST, events_mask=mask),
        layer(*GIVEN, events_mask=MASK),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("places", [(0, 0, 3), (2, 0, 0)])
def test_gate_sees_the_last_real_event_and_not_padding(places):
    layer = made()
    expected = layer.encode(EVENTS, TIMES, REQUEST, MASK)["since_last"]
    events, times, mask = padded(*places)
    found = layer.encode(events, times, REQUEST, mask)["since_last"]
    np.testing.assert_array_equal(found, expected)
    for row, place in ((0, 5), (1, 2)):
        alone = layer.intervals(TIMES[row, [place]], REQUEST[[row]])
        np.testing.assert_array_equal(expected[row], alone[0])
    # No last event: as for a time that is missing.
    np.testing.assert_array_equal(expected[2], [0] + [1] * 7)


@pytest.mark.parametrize("late", [0, 1, 10**6])
def test_events_at_or_after_the_request_are_left_out(late):
    layer, times = made(), TIMES.copy()
    times[:, -1] = REQUEST + late
    cut = np.arange(TIME)[None] < np.full((BATCH, 1), TIME - 1)
    np.testing.assert_allclose(
        layer(CANDIDATES, EVENTS, times, REQUEST),
        layer(*GIVEN, events_mask=cut),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("unknown", [-1, 1_700_000_000_000])
def test_unknown_times_are_one_whatever_they_are(unknown):
    layer = made()
    times, request = np.full_like(TIMES, unknown), np.full_like(REQUEST, unknown)
    found = np.asarray(layer(CANDIDATES, EVENTS, times, request))
    assert np.isfinite(found).all()
    missing = layer(CANDIDATES, EVENTS, np.full_like(TIMES, -1), REQUEST)
    np.testing.assert_allclose(
        layer(CANDIDATES, EVENTS, times, REQUEST), missing, rtol=1e-6
    )
    np.testing.assert_allclose(
        layer(CANDIDATES, EVENTS, TIMES, request)[..., DIM : 2 * DIM],
        layer(CANDIDATES, EVENTS, TIMES, np.full_like(REQUEST, -1))[..., DIM : 2 * DIM],
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("variant", "parts"),
    [
        ("L", {"long/content", "long/time"}),
        ("L-c", {"long/content"}),
        ("L-t", {"long/time"}),
        ("S", {"lstm", "short"}),
        ("F", {"long/content", "long/time", "lstm", "short", "gate"}),
    ],
)
def test_variant_has_only_the_weights_it_needs(variant, parts):
    paths = weights_of(made(variant))
    assert parts == {
        part
        for part in ("long/content", "long/time", "lstm", "short", "gate")
        if any(path.startswith(f"{part}/") for path in paths)
    }


def test_variant_without_time_points_differs_in_what_it_sees_alone():
    full, without = made("full"), made("wo-TP")
    assert weights_of(full) == weights_of(without)
    shifted = (CANDIDATES, EVENTS, TIMES + 3600 * 7, REQUEST + 3600 * 7)
    np.testing.assert_array_equal(without(*shifted), without(*GIVEN))
    assert np.abs(full(*shifted) - full(*GIVEN)).max() > 1e-4


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_width_is_that_of_the_variant(preset):
    widths = {variant: made(variant, preset)(*GIVEN).shape[-1] for variant in VARIANTS}
    three = dict.fromkeys(("full", "wo-TP", "longer"), 3 * DIM)
    one = dict.fromkeys(("L", "L-c", "L-t", "S", "F"), DIM)
    assert widths == three | one
    author = made("full", "author")(*GIVEN)
    assert author.shape == (BATCH, COUNT, 4 * DIM)


def test_interests_are_long_short_and_their_mixture():
    layer = made(preset="paper")
    found = np.asarray(layer(*GIVEN, events_mask=MASK))
    long, short, fused = np.split(found, 3, axis=-1)
    for sign, expected in ((1, long), (-1, short)):
        layer.gate.dense_layers[-1].bias.assign(np.full(DIM, 100.0 * sign))
        kernel = layer.gate.dense_layers[-1].kernel
        assert kernel.shape == (3 * DIM + 8, DIM)  # long, short, candidate, interval
        kernel.assign(np.zeros(kernel.shape))
        mixed = np.split(np.asarray(layer(*GIVEN, events_mask=MASK)), 3, axis=-1)[2]
        np.testing.assert_allclose(mixed, expected, atol=1e-6)
    assert np.abs(fused - long).max() > 1e-3


def test_longer_variant_reads_the_last_hundred_events_step_by_step():
    length = 130
    events = RNG.normal(size=(1, length, DIM)).astype("float32")
    times = REQUEST[:1, None] - 3600 * np.arange(length, 0, -1)[None]
    given = (events, times, REQUEST[:1])
    longer, full = made("longer"), made("full")
    state = longer.encode(*given)
    states = np.asarray(state["states"])[0]
    assert not states[:30].any()
    cut = full.encode(events[:, 30:], times[:, 30:], REQUEST[:1])
    np.testing.assert_allclose(states[30:], cut["states"][0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        state["by_time"], full.encode(*given)["by_time"], rtol=1e-5
    )


def test_moments_count_from_the_start_if_there_is_one():
    layer = made("L-t", "paper", start_seconds=1_600_000_000)
    moments = layer.moments(TIMES, np.full_like(TIMES, 1_600_000_000))
    moment = layer.moments(REQUEST, np.full_like(REQUEST, 1_600_000_000))
    expected = layer.long.by_time(moment, moments, EVENTS)
    np.testing.assert_allclose(layer(*GIVEN)[:, 0], expected, rtol=1e-6)


def test_zone_is_that_of_the_argument():
    here = LongShortInterest({"variant": "L-t"}, time_zone="Asia/Shanghai")
    there = LongShortInterest({"variant": "L-t"}, time_zone="America/New_York")
    for layer in (here, there):
        layer(*GIVEN)
    there.set_weights(here.get_weights())
    assert np.abs(here(*GIVEN) - there(*GIVEN)).max() > 1e-5
