"""Planted effects: C10, C11 and C13 of the methods file of DHEN."""

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tfctr import optimizers
from tfctr.features import Categorical, FeatureSchema, Label, Sequence
from tfctr.models import DHEN, Task

pytestmark = pytest.mark.slow

USERS, ITEMS, GROUPS, LENGTH = 300, 200, 10, 10


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def best_auc(model, train, test, label, *, tasks=(), epochs, rate, batch_size):
    """The best AUC after an epoch: which one it is, early stopping has to find."""
    optimizer = optimizers.default(rate)
    model.compile(optimizer=optimizer, tasks=tasks, weighted_metrics=[])
    found = []
    for _ in range(epochs):
        model.fit(*train, batch_size=batch_size, verbose=0)
        logits = model.predict(test[0])[label]
        found.append(roc_auc_score(test[1][label], logits))
    return max(found)


def clicks_and_purchases(size, seed):
    """Both follow the same taste; purchases are a hundredth of all examples."""
    taste = np.random.default_rng(0).normal(size=(USERS + ITEMS + 2, 3))
    rng = np.random.default_rng(seed)
    user = rng.integers(1, USERS + 1, size).astype("int32")
    item = rng.integers(1, ITEMS + 1, size).astype("int32")
    liking = 1.2 * (taste[user] * taste[USERS + item]).sum(1)
    labels = {
        name: (rng.random(size) < sigmoid(liking - cost)).astype("float32")
        for name, cost in (("click", 0.5), ("buy", 5.2))
    }
    return {"user": user, "item": item}, labels


def test_clicks_help_rare_purchases():
    """C10: DHEN with both tasks against the same with purchases alone."""
    schema = FeatureSchema(
        user=(Categorical("user", dtype="int64"),),
        item=(Categorical("item", dtype="int64"),),
        labels=(Label("click"), Label("buy")),
        user_id="user",
        item_id="item",
    ).with_sizes({"user": USERS + 1, "item": ITEMS + 1})
    train, test = clicks_and_purchases(40_000, 1), clicks_and_purchases(20_000, 2)
    assert 0.01 < train[1]["buy"].mean() < 0.04
    training = {"epochs": 4, "rate": 5e-3, "batch_size": 512}
    auc = []
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        model = DHEN(schema, dim=8, layers="pinterest_cvr", hidden_units=(32,))
        tasks = [Task("click", weight=weight), Task("buy")]
        auc.append(best_auc(model, train, test, "buy", tasks=tasks, **training))
    assert auc[1] >= auc[0] + 0.02


GROUP = np.random.default_rng(0).integers(0, GROUPS, ITEMS + 1)
MEMBERS = [np.flatnonzero(GROUP[1:] == group) + 1 for group in range(GROUPS)]


def histories(size, seed, names, rates, share):
    """Histories, each of one group of items but for a tenth; labels by matches.

    `rates` are those of items of the group of none, one, two of the histories, of
    which each has a share of the items.
    """
    rng = np.random.default_rng(seed)
    own = {name: rng.integers(0, GROUPS, size) for name in names}
    item = rng.integers(1, ITEMS + 1, size)
    x = {"user": np.ones(size, "int32")}
    for name, groups in own.items():
        history = np.stack([rng.choice(MEMBERS[group], LENGTH) for group in groups])
        stray = rng.integers(1, ITEMS + 1, history.shape)
        history = np.where(rng.random(history.shape) < 0.1, stray, history)
        x[f"{name}_item"] = history.astype("int32")
        alike = [rng.choice(MEMBERS[group]) for group in groups]
        item = np.where(rng.random(size) < share, alike, item)
    x["item"] = item.astype("int32")
    matches = sum((GROUP[item] == groups).astype(int) for groups in own.values())
    buy = rng.random(size) < np.array(rates)[matches]
    return x, {"buy": buy.astype("float32")}


def history_model(weight, names):
    schema = FeatureSchema(
        user=(Categorical("user", dtype="int64"),),
        item=(Categorical("item", dtype="int64"),),
        sequences=tuple(
            Sequence(name, (Categorical("item", dtype="int64"),), max_length=LENGTH)
            for name in names
        ),
        labels=(Label("buy"),),
        user_id="user",
        item_id="item",
    ).with_sizes({"user": 3, "item": ITEMS + 1})
    keras.utils.set_random_seed(0)
    return DHEN(
        schema,
        dim=16,
        layers=[["mlp", "linear"]],
        hidden_units=(16,),
        sequences={"next_action_weight": weight, "num_negatives": 100},
    )


def test_telling_next_actions_helps_rare_labels():
    """C11: the loss needs no label, and what it learns of items serves the labels."""
    names = ("onsite",)
    train, test = (histories(12_000, k, names, (0.015, 0.1), 0.3) for k in (1, 2))
    assert train[1]["buy"].sum() < 700
    training = {"epochs": 5, "rate": 4e-3, "batch_size": 256}
    without, with_loss = (
        best_auc(history_model(weight, names), train, test, "buy", **training)
        for weight in (0.0, 1.0)
    )
    assert with_loss >= without + 0.03


def test_each_history_tells_what_the_other_does_not():
    """C13."""
    names, rates = ("onsite", "offsite"), (0.05, 0.6, 0.9)
    train, test = (histories(6_000, k, names, rates, 0.35) for k in (1, 2))
    training = {"epochs": 5, "rate": 1e-2, "batch_size": 200}
    both, onsite, offsite = (
        best_auc(history_model(1.0, known), train, test, "buy", **training)
        for known in (names, names[:1], names[1:])
    )
    assert both > onsite + 0.02
    assert both > offsite + 0.02
    assert min(onsite, offsite) > 0.55
