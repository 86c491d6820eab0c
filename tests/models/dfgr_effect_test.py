"""DFGR where the label lies in pairs of a past item and what was done with it."""

import numpy as np
import pytest

from tfctr import optimizers
from tfctr.data import (
    build_examples,
    build_user_sequences,
    sequences_to_dataset,
    synthetic,
    to_dataset,
)
from tfctr.metrics.arrays.overall import auc
from tfctr.models import DFGR, DIN

SEEDS = (0, 1)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def world(seed):
    """Clicks follow what was done with the last item of the candidate's group."""
    return synthetic(
        4_000,
        80,
        8,
        num_groups=2,
        history_length=4,
        skew=0.0,
        effect="item_action",
        strength=4.0,
        seed=seed,
    )


def dfgr(schema, seed):
    tower = {"embedding_dim": 8, "hidden_units": (32,)}
    sizes = {"dim": 16, "num_blocks": 1, "preset": "softmax", **tower}
    return DFGR(schema, context=False, seed=seed, **sizes)


def din(schema, seed):
    return DIN(schema, dim=8, hidden_units=(32,), seed=seed)


def trainer(make, learning_rate, epochs):
    """Trains anew at each call; the graph is made only once."""
    schema = world(0).schema
    model = make(schema, 0)
    model.compile(optimizers.default(learning_rate), weighted_metrics=[])
    model.build()
    model.optimizer.build(model.trainable_variables)
    state = [(v, v.numpy()) for v in model.optimizer.variables]

    def train(batches, examples, seed):
        fresh = make(schema, seed)
        fresh.build()
        model.set_weights(fresh.get_weights())
        for variable, value in state:
            variable.assign(value)
        model.fit(batches, epochs=epochs, verbose=0)
        return model.predict(examples, verbose=0)["click"]

    return train


@pytest.fixture(scope="module")
def found():
    """AUC on later examples by model, for each seed."""
    train_dfgr, train_din = trainer(dfgr, 5e-3, 16), trainer(din, 3e-3, 8)
    rows = []
    for seed in SEEDS:
        data = world(seed)
        row = {"bayes": data.bayes_auc("test")}
        shuffled = data.events.assign(
            action=np.random.default_rng(seed).permutation(data.events["action"])
        )
        for name, events in (("dfgr", data.events), ("shuffled", shuffled)):
            tables = (events, data.users, data.items, data.schema, data.spec)
            frame = build_user_sequences(*tables, max_events=64)["train"]
            batches = sequences_to_dataset(frame, data.state, 2, seed=seed)
            test = build_examples(*tables)["test"]
            examples = to_dataset(test, data.state, shuffle=False)
            row[name] = auc(test["click"], train_dfgr(batches, examples, seed))
        batches = data.to_dataset("train", 128, seed=seed)
        row["din"] = auc(
            data.test["click"], train_din(batches, data.to_dataset("test"), seed)
        )
        rows.append(row)
    return rows


def test_it_finds_the_pairs_of_past_items_and_actions(found):
    for row in found:
        assert row["dfgr"] > row["bayes"] - 0.05


def test_shuffled_actions_leave_only_chance(found):
    # 400 examples: a standard deviation of 0.03.
    for row in found:
        assert abs(row["shuffled"] - 0.5) < 0.1
    assert abs(np.mean([row["shuffled"] for row in found]) - 0.5) < 0.06


def test_a_sum_over_the_history_does_not_tell_which_event_was_last(found):
    for row in found:
        assert row["dfgr"] > row["din"] + 0.02
