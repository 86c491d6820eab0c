"""What a user of Keras 3 and keras-rs writes by hand: it has blocks, but no models."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from peer_runs.keras_clock import clock_callback, set_threads
from peer_runs.measure import Case, StepClock, Trainee, run_case
from peer_runs.workloads import Arrays, Workload


def model_of(workload: Workload) -> keras.Model:
    """DeepFM or DIN as a functional model of 26 inputs, with logits as output."""
    size = workload.values + 1
    inputs = {
        name: keras.Input((), dtype="int32", name=name) for name in workload.field_names
    }
    normal = keras.initializers.RandomNormal
    tables = {
        name: layers.Embedding(size, workload.dim, normal(stddev=workload.deviation))
        for name in inputs
    }
    vectors = [tables[name](ids) for name, ids in inputs.items()]
    hidden = layers.Concatenate()(vectors)
    if workload.model == "din":
        history = keras.Input((workload.history,), dtype="int32", name="history")
        events = tables[workload.field_names[0]](history)
        mask = ops.cast(ops.expand_dims(history > 0, -1), "float32")
        interest = attention(vectors[0], events, mask, workload)
        hidden = layers.Concatenate()([hidden, interest])
        inputs = {**inputs, "history": history}
    for units in workload.hidden_units:
        hidden = layers.Dense(units, activation="relu")(hidden)
    logit = layers.Dense(1)(hidden)
    if workload.model == "deepfm":
        linear = [
            layers.Embedding(size, 1, embeddings_initializer="zeros")(inputs[name])
            for name in workload.field_names
        ]
        fields = ops.stack(vectors, axis=1)
        pairs = ops.square(ops.sum(fields, 1)) - ops.sum(ops.square(fields), 1)
        logit = logit + layers.Add()(linear) + 0.5 * ops.sum(pairs, -1, keepdims=True)
    return keras.Model(inputs, logit)


def attention(candidate: Any, events: Any, mask: Any, workload: Workload) -> Any:
    """Sum of the events, each weighted by a sigmoid of an MLP with ReLU."""
    candidate = layers.RepeatVector(workload.history)(candidate)
    hidden = ops.concatenate(
        [candidate, events, candidate - events, candidate * events], axis=-1
    )
    for units in workload.attention_units:
        hidden = layers.Dense(units, activation="relu")(hidden)
    weights = layers.Dense(1, activation="sigmoid")(hidden) * mask
    return ops.sum(weights * events, axis=1)


def dataset(arrays: Arrays, batch_size: int) -> tf.data.Dataset:
    """Batches cut from whole matrices, shuffled by row number."""
    ids, history, label = map(
        tf.constant, (arrays.ids, arrays.history, arrays.label[:, None])
    )
    names = list(arrays.columns)

    def rows(places: Any) -> Any:
        columns = tf.unstack(tf.gather(ids, places), axis=1)
        x = dict(zip(names, [*columns, tf.gather(history, places)], strict=False))
        return x, tf.gather(label, places)

    count = len(arrays.label)
    order = tf.data.Dataset.range(count).shuffle(count, seed=0)
    return order.batch(batch_size).map(rows, num_parallel_calls=2).prefetch(2)


def make(case: Case, parts: dict[str, Arrays]) -> Trainee:
    set_threads(case.threads)
    workload = case.workload
    keras.utils.set_random_seed(workload.seed)
    model = model_of(workload)
    model.compile(
        keras.optimizers.Adam(workload.learning_rate),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    size = workload.batch_size
    inputs = {part: arrays.columns for part, arrays in parts.items()}
    train: dict[str, Any] = {"x": inputs["train"], "y": parts["train"].label[:, None]}
    train["batch_size"] = size
    if case.arguments["feed"] == "dataset":
        train = {"x": dataset(parts["train"], size), "shuffle": False}

    def fit(clock: StepClock) -> None:
        callback = clock_callback(keras.callbacks.Callback, clock)
        model.fit(**train, epochs=1, verbose=0, callbacks=[callback])

    def predict(part: str) -> np.ndarray:
        return model.predict(inputs[part], batch_size=size, verbose=0)

    return Trainee(fit, predict)


if __name__ == "__main__":
    run_case(make, ("keras-rs", "tensorflow", "keras"))
