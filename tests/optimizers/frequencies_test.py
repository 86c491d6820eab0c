"""Tests of `tfctr.optimizers.frequencies`: learning rates by frequency."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import PLAIN, batches, made, rows
from tests.optimizers.small import DIM, ROWS, apply_dense, apply_sparse, fit, model
from tests.optimizers.small import table as plain_table
from tfctr import optimizers
from tfctr.errors import InputError
from tfctr.training import TrainingConfig, make_model

PARTS = (4, 16)  # rows of two tables that lie in one variable


def table():
    made = plain_table()
    made.is_embedding_table, made.row_parts = True, PARTS
    return made


def steps(count=5):
    """Sparse gradients with duplicates; some parts are 0, as those of padding."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(count):
        places = rng.choice([0, 1, 3, 4, 6, 19], 8, p=[0.4, 0.1, 0.1, 0.2, 0.1, 0.1])
        values = rng.normal(size=(8, DIM)).astype("float32")
        values[rng.random(8) < 0.3] = 0
        found.append((places, values))
    return found


class ByHand:
    """The rule in numpy, row by row, with dictionaries."""

    def __init__(self):
        self.counts = dict.fromkeys(range(ROWS), 0)

    def rates(self, places, values, rate):
        for place, value in zip(places, values, strict=True):
            self.counts[place] += bool(np.any(value))
        found = {}
        for place in set(places):
            first, stop = (0, 4) if place < 4 else (4, 20)
            most = max(self.counts[row] for row in range(first, stop))
            if most:
                found[place] = rate * np.log(self.counts[place] + 1) / np.log(most + 1)
        return found


def test_rates_of_sgd_by_hand():
    found = apply_sparse(
        optimizers.SparseSGD(0.2, frequency_adaptive=True), table(), steps()
    )
    weights, rule = np.array(table(), "float64"), ByHand()
    for places, values in steps():
        rates = rule.rates(places, values, 0.2)
        for place, value in zip(places, values, strict=True):
            weights[place] -= rates.get(place, 0) * value
    np.testing.assert_allclose(found, weights, rtol=1e-5, atol=1e-6)
    assert sorted(rule.counts.values())[-3:] != [0, 0, 0]


@pytest.mark.parametrize("exact_rows", [0, ROWS])
def test_rates_of_adam_by_hand(exact_rows):
    optimizer = optimizers.LazyAdam(
        0.1, exact_rows=exact_rows, weight_decay=0.3, frequency_adaptive=True
    )
    found = apply_sparse(optimizer, table(), steps())
    weights, rule = np.array(table(), "float64"), ByHand()
    m, v = np.zeros_like(weights), np.zeros_like(weights)
    for t, (places, values) in enumerate(steps(), 1):
        rates = rule.rates(places, values, 0.1)
        for place in set(places):
            g = values[places == place].sum(axis=0, dtype="float64")
            m[place] += 0.1 * (g - m[place])
            v[place] += 0.001 * (g**2 - v[place])
            rate = rates.get(place, 0)
            weights[place] *= 1 - rate * 0.3
            rate *= np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            weights[place] -= rate * m[place] / (np.sqrt(v[place]) + 1e-7)
    np.testing.assert_allclose(found, weights, rtol=1e-4, atol=1e-5)


def test_the_most_frequent_row_takes_the_whole_rate_and_a_rare_one_a_share():
    """On paper: 3 look-ups and 1 are log 4 and log 2, so a half."""
    variable = keras.Variable(np.zeros((2, 1)))
    variable.is_embedding_table = True
    optimizer = optimizers.SparseSGD(1.0, frequency_adaptive=True)
    gradient = np.array([[1.0], [1.0], [1.0], [1.0]], "float32")
    apply_sparse(optimizer, variable, [(np.array([0, 0, 1, 0]), gradient)])
    np.testing.assert_allclose(variable, [[-3.0], [-0.5]])
    np.testing.assert_allclose(optimizer.slots(variable)["frequency"], [[3], [1]])


def test_dense_gradients_count_once_for_each_row():
    given = [(np.unique(places), values[:1]) for places, values in steps()]
    given = [(p, np.tile(v + 5, (len(p), 1))) for p, v in given]  # no zeros
    adaptive = {"frequency_adaptive": True}
    sparse = apply_sparse(optimizers.SparseSGD(0.1, **adaptive), table(), given)
    dense = apply_dense(optimizers.SparseSGD(0.1, **adaptive), table(), given)
    np.testing.assert_allclose(dense, sparse, rtol=1e-5)


def test_dense_weights_take_the_rate_as_it_is():
    one, two = (
        fit(model(optimizers.LazyAdam(0.1, frequency_adaptive=is_on)))
        for is_on in (False, True)
    )
    dense = [type(v) for v in two.optimizer._frequencies.values()]
    assert len(dense) == 1  # of the table, not of kernel and bias
    assert list(two.optimizer.slots(two.trainable_variables[1])) == [
        "momentum",
        "velocity",
    ]
    assert np.abs(one.get_weights()[0] - two.get_weights()[0]).max() > 1e-3


def test_tables_of_a_model_are_counted_each_for_itself():
    trained = made("LogisticRegression", PLAIN)
    optimizer = optimizers.default(0.1, frequency_adaptive=True)
    trained.compile(optimizer, weighted_metrics=[])
    x, y, _ = rows(60, schema=PLAIN)
    trained.fit(batches(20, (x, y)), epochs=2, verbose=0)
    layer = trained.value_weights
    (counted,) = optimizer._frequencies.values()
    seen, most = np.asarray(counted.seen)[:, 0], np.asarray(counted.most)
    for (start, stop), largest in zip(layer.tables.values(), most, strict=True):
        assert seen[start:stop].max() == largest
    start, stop = layer.tables["table_user_id"]
    expected = 2 * np.bincount(np.asarray(x["user_id"]), minlength=stop - start)
    np.testing.assert_array_equal(seen[start:stop], expected)


def test_composite_has_it_in_its_tables():
    made = optimizers.Composite(
        tables=optimizers.LazyAdam(0.1, frequency_adaptive=True),
        dense=optimizers.Adam(0.1),
    )
    alone = fit(model(optimizers.LazyAdam(0.1, frequency_adaptive=True)))
    for found, expected in zip(
        fit(model(made)).get_weights(), alone.get_weights(), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match=r"`frequency_adaptive`.*it in each part"):
        optimizers.Composite(
            tables=optimizers.LazyAdam(),
            dense=optimizers.Adam(),
            frequency_adaptive=True,
        )


def test_ftrl_refuses_it():
    with pytest.raises(InputError, match="`frequency_adaptive`"):
        optimizers.SparseFTRL(frequency_adaptive=True)


def test_a_step_without_any_gradient_changes_nothing():
    variable = table()
    nothing = [(np.array([1, 5]), np.zeros((2, DIM), "float32"))]
    optimizer = optimizers.SparseSGD(1.0, frequency_adaptive=True)
    found = apply_sparse(optimizer, variable, nothing)
    np.testing.assert_array_equal(found, plain_table())
    assert tf.reduce_sum(optimizer.slots(variable)["frequency"].value) == 0


def test_a_configuration_has_it_in_one_line():
    for is_on in (False, True):
        config = TrainingConfig(model="LogisticRegression", frequency_adaptive=is_on)
        assert make_model(config, PLAIN).optimizer.frequency_adaptive == is_on
