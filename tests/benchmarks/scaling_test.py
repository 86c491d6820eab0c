"""Tests of `benchmarks/scaling.py`."""

import numpy as np
import pytest
import scaling

from tests.models.data import PLAIN
from tfctr.models import DFGR


def test_sizes_are_counted_as_on_paper():
    sizes = {"dim": 4, "num_blocks": 1, "embedding_dim": 3}
    model = DFGR(PLAIN, context=False, **sizes)
    model.build()
    found = scaling.sizes_of(model, sizes, [2, 3])
    tables = (9 + 12) * 3  # users and items; times have none
    assert found["parameters"] - found["dense"] == tables
    # Two flows; 2 * 2 / 2 + 3 * 3 / 2 pairs in each, two products of width 4 a pair.
    attention = 2 * (2 + 4.5) * 2 * 4
    assert found["multiply_adds"] == 3 * (2 * 5 * found["dense"] + attention)


def test_a_planted_law_is_found():
    rows = [
        {
            "about": about,
            "runs": [
                {"dense": size, "test": 0.5 + 0.1 * (size / 1000) ** -0.4}
                for _ in range(2)
            ],
        }
        for about, size in (
            ("width", 1000),
            ("width", 3000),
            ("middle", 9000),
            ("width", 30000),
            ("depth", 2000),
        )
    ]
    rows[-1]["runs"][0]["test"] = 9.0  # depth is not part of the fit
    found = scaling.fit(rows, "dense")
    assert found["floor"] == pytest.approx(0.5, abs=1e-3)
    assert found["scale"] == pytest.approx(0.1, abs=1e-3)
    assert found["exponent"] == pytest.approx(0.4, abs=1e-2)
    assert (found["from"], found["to"]) == (1000, 30000)
    assert "from 1e+03 to 3e+04" in scaling.sentence(found, "dense")
    assert scaling.fit(rows[:3], "dense") is None
    assert scaling.sentence(None, "dense").startswith("- No power law")


def test_loss_counts_each_weighted_position_once():
    class Model:
        def predict_on_batch(self, x):
            return {"purchase": x["logits"]}

    class Tensor(np.ndarray):
        def numpy(self):
            return np.asarray(self)

    def batch(logits, labels, weights):
        arrays = [np.array([v], "float32").view(Tensor) for v in (labels, weights)]
        y, w = ({"purchase": array} for array in arrays)
        return {"logits": np.array([logits])}, y, w

    batches = [
        batch([0.0, np.log(3.0)], [1, 1], [1, 1]),
        batch([np.log(3.0)], [0], [1]),
        batch([50.0], [0], [0]),
    ]
    expected = (np.log(2) + np.log(4 / 3) + np.log(4)) / 3
    assert scaling.loss_of(Model(), batches) == pytest.approx(expected)
