"""Tests of `tfctr.layers.interaction.adaptive.costs`."""

import pytest

from tfctr.layers import APG, break_even_rank
from tfctr.layers.interaction.adaptive.costs import adaptive_cost, static_cost

TOWER = [393, 1024, 512, 256]
VERSIONS = ("v1", "v2", "v3", "v4", "v5")


def counted(version, width, units, condition, rank):
    """Parameters without biases, of a layer that is really built."""
    from tests.layers.interaction.adaptive.oracle import KINDS

    cls, options = KINDS[version]
    options = {**options, "rank": rank} if options else {}
    layer = cls(units, **options)
    layer.build((None, width), (None, condition))
    return sum(w.shape[0] * w.shape[1] for w in layer.weights if len(w.shape) == 2)


@pytest.mark.parametrize("version", VERSIONS[:4])
@pytest.mark.parametrize("sizes", [(37, 23, 9, 5), (12, 30, 2, 3)])
def test_parameters_are_those_of_layers_that_are_built(version, sizes):
    width, units, condition, rank = sizes
    cost = adaptive_cost([width, units], APG(["u"], version, rank), condition)
    assert cost.parameters == counted(version, *sizes)


def test_costs_of_one_layer_by_hand():
    # M = 10, N = 6, D = 4, K = 2.
    costs = {v: adaptive_cost([10, 6], APG(["u"], v, 2), 4) for v in VERSIONS}
    outer, core = 2 * (10 + 6), 4
    found = {v: (c.parameters, c.multiplications) for v, c in costs.items()}
    assert found == {
        "v1": (60 * 4, 60 * 4 + 60),
        "v2": (36 * 4, 36 * 4 + 10 * 4 + 10 * 2 * 6 + 60),
        "v3": (36 * 4, 36 * 4 + outer + core),
        "v4": (core * 4 + outer, core * 4 + outer + core),
        "v5": (core * 4 + outer, core * 4 + outer + core),
    }
    assert (static_cost([10, 6]).parameters, static_cost([10, 6, 3]).parameters) == (
        60,
        78,
    )


@pytest.mark.parametrize(
    ("condition", "rank", "width", "percent"),
    [
        (["u"], 4, 32, 1.55),
        (["u"], 8, 32, 3.39),
        ("self", 4, None, 4.3),
        ("self", 8, None, 14.5),
        ("self", 16, None, 52),
        ("self", 32, None, 198),
    ],
)
def test_shares_of_the_tower_of_the_paper(condition, rank, width, percent):
    cost = adaptive_cost(TOWER, APG(condition, rank=rank), width)
    share = 100 * cost.parameters / static_cost(TOWER).parameters
    assert share == pytest.approx(percent, rel=0.01)


def test_generator_layers_and_runs_count():
    apg = APG(["u", "i"], rank=2, generator_units=[5])
    cost = adaptive_cost([10, 6], apg, 4, num_conditions=3)
    assert cost.parameters == 4 * 5 + 5 * 4 + 32
    assert cost.multiplications == 3 * (4 * 5 + 5 * 4) + 32 + 4


@pytest.mark.parametrize("sizes", [(1024, 512, 32), (393, 1024, 393), (50, 20, 7)])
def test_at_the_break_even_rank_both_hold_the_same(sizes):
    width, units, condition = sizes
    rank = break_even_rank(*sizes)
    assert rank**2 * condition + rank * (width + units) == pytest.approx(width * units)
    static = static_cost([width, units]).parameters
    below, above = (
        adaptive_cost([width, units], APG(["u"], rank=r), condition).parameters
        for r in (int(rank), int(rank) + 1)
    )
    assert below <= static < above


def test_break_even_ranks_of_the_methods_page():
    assert 106 < break_even_rank(1024, 512, 32) < 107
    assert break_even_rank(1024, 512, 1024) == pytest.approx(21.9, abs=0.05)
