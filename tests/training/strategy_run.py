"""A training of its own process; `strategy_test.py` runs it on devices and workers.

    python strategy_run.py STRATEGY RESULT [OPTIMIZER ...]

Trains a small model whose labels are observed in some examples only, so that replicas
have unequal weights, and writes the histories, all weights, and the rows it saw.
"""

import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tests.training.killed import KillAt, Killed
from tfctr.training import TrainingConfig, make_model, train
from tfctr.training.strategy import is_chief, make_strategy, shared_data

BATCH_SIZE, EPOCHS = 16, 3


def optimizers():
    from tfctr import optimizers as ours

    return {
        "SGD": lambda: keras.optimizers.SGD(0.5),
        "SparseSGD": lambda: ours.SparseSGD(0.5),
    }


def datasets():
    """60 training rows: three batches of 16 and one of 12; 40 for validation."""
    from tests.models.data import PLAIN, rows
    from tfctr.data.batches import batched

    return [
        batched(rows(size, seed, PLAIN), BATCH_SIZE, shuffle=size == 60, seed=3)
        for size, seed in ((60, 0), (32, 1))
    ]


def config(strategy, **settings):
    from tests.models.data import SMALL

    return TrainingConfig(
        model="DeepFM",
        arguments=SMALL["DeepFM"],
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        learning_rate=0.05,
        strategy=strategy,
        # Metrics take longer to trace, for each replica, than the model.
        tasks={label: {"metrics": ["log_loss"]} for label in ("click", "buy")},
        **settings,
    )


def fitted(name, make_optimizer):
    """A model trained with plain `compile` and `fit` in the scope of a strategy."""
    from tests.models.data import PLAIN

    strategy = make_strategy(name)
    with strategy.scope():
        model = make_model(config(name), PLAIN)
        model.compile(make_optimizer(), weighted_metrics=[])  # quicker to trace
    training, validation = (shared_data(data, strategy) for data in datasets())
    model.fit(training, validation_data=validation, epochs=EPOCHS, verbose=0)
    return model


def trained(name):
    """A model as `train` gives it: with early stopping, without a strategy."""
    from tests.models.data import PLAIN

    return train(config(name, patience=2), PLAIN, *datasets(), verbose=0)


def resumed(name):
    """Training that was cut and goes on, beside one that was not: `(weights, loss)`."""
    from tfctr.data import synthetic
    from tfctr.data.reading import read_examples

    data = synthetic(120, num_users=30, num_items=30, seed=1)
    how = config(name, patience=2)
    arguments = {**how.arguments, "dropout": 0.3}
    tasks = {"click": how.tasks["click"]}
    changes = {"arguments": arguments, "checkpoint_every": 2, "tasks": tasks}
    how = how.model_copy(update=changes)

    def run(folder, *callbacks):
        reader = read_examples(data.train, data.state, BATCH_SIZE, seed=5)
        validation = data.to_dataset("validation", BATCH_SIZE)
        given = {"checkpoints": folder, "callbacks": callbacks, "verbose": 0}
        model = train(how, data.schema, reader, validation, **given)
        weights = [weight.tolist() for weight in model.get_weights()]
        return [weights, model.history.history]

    with tempfile.TemporaryDirectory() as folder:
        whole = run(f"{folder}/whole")
        try:
            run(f"{folder}/cut", KillAt(1, 3))
        except Killed:
            return whole, run(f"{folder}/cut")
    raise RuntimeError("nothing was cut")


def rows_seen(name):
    """Rows that this process gets of a reader in two epochs, and its batches."""
    from tfctr.data import synthetic
    from tfctr.data.reading import read_examples

    data = synthetic(95, num_users=90, num_items=30, seed=1)
    frame = data.train.assign(click=np.arange(len(data.train)) % 2)
    reader = read_examples(frame, data.state, 8, seed=5)
    strategy = make_strategy(name)
    shared = shared_data(reader, strategy)
    if not isinstance(shared, tf.distribute.DistributedDataset):
        shared = strategy.experimental_distribute_dataset(shared)  # as `fit` does
    seen = []
    for _ in range(2):
        seen.append([])
        for x, *_ in shared:
            for local in strategy.experimental_local_results(x):
                users, items = local["user_id"].numpy(), local["item_id"].numpy()
                seen[-1].append(np.stack([users, items], axis=1).tolist())
    return seen


def main(name, result, *names):
    if name == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
    strategy = make_strategy(name)
    models = {key: fitted(name, optimizers()[key]) for key in names}
    models["train"] = trained(name)
    cut = {"resumed": resumed(name)} if name == "mirrored" else {}
    facts = {
        "replicas": strategy.num_replicas_in_sync,
        "chief": is_chief(strategy),
        "seen": rows_seen(name),
        **cut,
        "history": {key: model.history.history for key, model in models.items()},
        "weights": {
            key: [weight.tolist() for weight in model.get_weights()]
            for key, model in models.items()
        },
    }
    Path(result).write_text(json.dumps(facts, default=float))


if __name__ == "__main__":
    main(*sys.argv[1:])
