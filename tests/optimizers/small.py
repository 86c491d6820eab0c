"""A small model with one table, and every optimizer by name."""

import keras
import numpy as np
import tensorflow as tf

from tfctr import optimizers
from tfctr.layers import EmbeddingTable

ROWS, DIM = 20, 4
SPARSE = {
    "sgd": lambda **kwargs: optimizers.SparseSGD(0.1, **kwargs),
    "adagrad": lambda **kwargs: optimizers.SparseAdagrad(0.1, **kwargs),
    "row_wise": lambda **kwargs: optimizers.RowWiseAdagrad(0.1, **kwargs),
    "lazy_adam": lambda **kwargs: optimizers.LazyAdam(0.1, **kwargs),
    "adaptive": lambda **kwargs: optimizers.LazyAdam(
        0.1, frequency_adaptive=True, exact_rows=ROWS, **kwargs
    ),
    "ftrl": lambda **kwargs: optimizers.SparseFTRL(0.1, **kwargs),
    "composite": lambda **kwargs: optimizers.Composite(
        tables=optimizers.RowWiseAdagrad(0.1), dense=optimizers.Adam(0.01), **kwargs
    ),
}
EVERY = {
    **SPARSE,
    "adam": lambda **kwargs: optimizers.Adam(0.1, **kwargs),
    "exact": lambda **kwargs: optimizers.LazyAdam(0.1, exact_rows=ROWS, **kwargs),
}


def data(size=48, seed=0):
    """Ids of the lower rows only, with many duplicates, and targets."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 12, (size, 3)).astype("int32")
    return ids, rng.normal(size=(size, 1)).astype("float32")


def model(optimizer, *, num_rows=ROWS, **kwargs):
    """A linear model of the embeddings of three ids, from fixed weights."""
    made = keras.Sequential(
        [
            keras.Input((3,), dtype="int32"),
            EmbeddingTable(
                num_rows,
                DIM,
                embeddings_initializer=keras.initializers.RandomNormal(seed=1),
                name="table",
            ),
            keras.layers.Flatten(),
            keras.layers.Dense(
                1, kernel_initializer=keras.initializers.RandomNormal(seed=2)
            ),
        ]
    )
    made.compile(optimizer=optimizer, loss="mse", **{"jit_compile": False, **kwargs})
    made.optimizer.build(made.trainable_variables)
    return made


def fit(made, *, epochs=1, batch_size=16, size=48):
    made.fit(
        *data(size), batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0
    )
    return made


def gradients(steps=4, seed=0, rows=(1, 3, 3, 7, 3)):
    """Sparse gradients with duplicates."""
    rng = np.random.default_rng(seed)
    return [
        (np.array(rows), rng.normal(size=(len(rows), DIM)).astype("float32"))
        for _ in range(steps)
    ]


def summed(places, values, num_rows=ROWS):
    """The same gradient, of all rows."""
    total = np.zeros((num_rows, *values.shape[1:]), "float32")
    np.add.at(total, places, values)
    return total


def table(seed=0):
    start = np.random.default_rng(seed).normal(size=(ROWS, DIM)).astype("float32")
    return keras.Variable(start, name="table")


def apply_sparse(optimizer, variable, steps):
    """The weights after sparse steps."""
    for places, values in steps:
        slices = tf.IndexedSlices(
            tf.constant(values), tf.constant(places), tf.constant(variable.shape)
        )
        optimizer.apply([slices], [variable])
    return np.asarray(variable)


def apply_dense(optimizer, variable, steps):
    """The weights after steps of the same gradients, densified."""
    for places, values in steps:
        optimizer.apply([tf.constant(summed(places, values))], [variable])
    return np.asarray(variable)
