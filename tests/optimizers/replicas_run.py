"""Trains with every optimizer on two logical devices and on one; prints the gaps.

Run by `distribution_test.py`, since devices are made before TensorFlow starts.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from tests.models.data import PLAIN, batches, made, rows
from tests.optimizers.small import EVERY
from tfctr.errors import InputError


def trained(optimizer_of):
    model = made("LogisticRegression", PLAIN)
    model.compile(optimizer=optimizer_of(), weighted_metrics=[])
    x, y, _ = rows(60, schema=PLAIN)
    model.fit(batches(20, (x, y)), epochs=2, verbose=0)
    return model.get_weights()


def gap(strategy, make):
    """Largest difference between weights of one device and of two."""
    single = trained(make)
    with strategy.scope():
        mirrored = trained(make)
    return max(
        float(np.abs(one - two).max())
        for one, two in zip(single, mirrored, strict=True)
    )


def refusal(strategy):
    try:
        with strategy.scope():
            trained(lambda: EVERY["sgd"](gradient_accumulation_steps=2))
    except InputError as error:
        return str(error)
    return ""


def lower_rates(strategy):
    """Rates of both parts after a callback has set that of the dense one."""
    with strategy.scope():
        optimizer = EVERY["composite"]()
        before = [
            float(keras.ops.convert_to_numpy(part.learning_rate + 0.0))
            for part in (optimizer.tables, optimizer.dense)
        ]
        optimizer.learning_rate = before[1] / 4
        after = [
            float(keras.ops.convert_to_numpy(part.learning_rate + 0.0))
            for part in (optimizer.tables, optimizer.dense)
        ]
    return [now / was for now, was in zip(after, before, strict=True)]


def main():
    keras.utils.set_random_seed(0)
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {name: gap(strategy, make) for name, make in EVERY.items()}
    for name in ("sgd", "lazy_adam", "composite"):
        make = EVERY[name]
        found[f"{name}, clipped"] = gap(
            strategy, lambda m=make: m(global_clipnorm=0.01)
        )
        found[f"{name}, scaled"] = gap(
            strategy, lambda m=make: m(loss_scale_factor=8.0)
        )
    found = {"gaps": found, "refusal": refusal(strategy)}
    found["rates"] = lower_rates(strategy)
    print(json.dumps(found), file=sys.stdout)


if __name__ == "__main__":
    main()
