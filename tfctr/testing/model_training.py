"""Laws of models about training."""

from typing import Any

import keras
import numpy as np

from tfctr.testing.layer_behaviour import require_gradients
from tfctr.testing.model_case import ModelCase
from tfctr.testing.verdicts import as_arrays, require, require_close, require_finite

__all__ = [
    "check_gradients",
    "check_jit_compile",
    "check_learns",
    "check_mixed_precision",
    "check_seeds",
    "check_unobserved_labels",
]

FEW_STEPS = 3
# Half precision keeps 8 bits; sums over a few hundred inputs lose some of them.
MIXED_TOLERANCE = 0.1


def check_gradients(case: ModelCase) -> None:
    """Every trainable weight gets a gradient."""
    model = case.make(perturbed=True)
    require_gradients(model, lambda: model(case.x, training=True))


def check_seeds(case: ModelCase) -> None:
    """Two fits with one seed agree; another seed starts elsewhere."""
    logits = []
    for _ in range(2):
        # Eagerly: few steps take less time than a graph takes to be made.
        logits.append(_fit(case, case.make(seed=7), run_eagerly=True))
    require_close(
        logits[0],
        logits[1],
        "two fits with one seed agree",
        rtol=1e-4,
        atol=10 * case.tolerance,
    )
    first, other = case.make(seed=7), case.make(seed=8)
    same = all(
        np.array_equal(one, two)
        for one, two in zip(first.get_weights(), other.get_weights(), strict=True)
    )
    require(not same, "another seed gives other weights", "All weights are equal.")


def check_learns(case: ModelCase) -> None:
    """The loss falls by a tenth or more in a few hundred steps."""
    model = case.make()
    optimizer = keras.optimizers.Adam(case.learning_rate)
    model.compile(optimizer=optimizer, weighted_metrics=[])
    before = _loss_of_a_step(case, model)
    model.fit(case.batches(case.steps), epochs=1, verbose=0)
    after = _loss_of_a_step(case, model)
    require(
        after < 0.9 * before,
        f"the loss falls in {case.steps} steps on data that can be learnt",
        f"It was {before:.4f} and became {after:.4f}.",
    )


def check_jit_compile(case: ModelCase) -> None:
    """Training steps compiled by XLA agree with ordinary ones."""
    import tensorflow as tf  # for the errors of its compiler

    law = "training under `jit_compile=True` runs and agrees"
    model = case.make(seed=7)
    try:
        compiled = _fit(case, model, jit_compile=True)
    except (tf.errors.OpError, ValueError, NotImplementedError) as error:
        require(False, law, f"The compiler says: {error}")
    ordinary = _fit(case, case.make(seed=7), run_eagerly=True)
    require_close(
        compiled,
        ordinary,
        law,
        rtol=1e-3,
        atol=100 * case.tolerance,
    )


def check_mixed_precision(case: ModelCase) -> None:
    """Under `mixed_bfloat16` weights and logits are float32, finite and near."""
    law = "under `mixed_bfloat16` weights and logits are float32"
    exact = case.make(seed=7)
    mixed = case.make(seed=7, dtype="mixed_bfloat16")
    for weight in mixed.trainable_weights:
        require(weight.dtype == "float32", law, f"{weight.path} is {weight.dtype}.")
    outputs = mixed(case.x)
    for label, logits in outputs.items():
        dtype = keras.backend.standardize_dtype(logits.dtype)
        require(dtype == "float32", law, f"The logits of `{label}` are {dtype}.")
    require_finite(outputs, "logits are finite under `mixed_bfloat16`")
    expected = as_arrays(exact(case.x))
    scale = max(float(np.abs(logits).max()) for logits in expected.values())
    require_close(
        outputs,
        expected,
        "logits under `mixed_bfloat16` are near the exact ones",
        rtol=MIXED_TOLERANCE,
        atol=MIXED_TOLERANCE * scale,
    )
    law = "training under `mixed_bfloat16` stays finite"
    require_finite(_fit(case, mixed, run_eagerly=True), law)


def check_unobserved_labels(case: ModelCase) -> None:
    """Labels of zero weight have no say in default loss and metrics."""
    import tensorflow as tf  # input of Keras models comes from tf.data

    model = case.make(perturbed=True)
    # Eagerly: the metrics of one batch take less time than their graph to be made.
    model.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=True)
    rows = len(next(iter(case.x.values())))
    observed = np.arange(rows) % 3 > 0
    weights = {name: observed.astype("float32") for name in case.y}
    results = []
    for labels in (
        dict(case.y),
        {name: np.where(observed, y, 1 - y) for name, y in case.y.items()},
    ):
        batch = tf.data.Dataset.from_tensors((dict(case.x), labels, weights))
        result = model.evaluate(batch, verbose=0, return_dict=True)
        results.append({name: np.float64(value) for name, value in result.items()})
    require_close(
        results[1], results[0], "labels of zero weight have no say in loss and metrics"
    )


def _fit(case: ModelCase, model: Any, **kwargs: Any) -> Any:
    """Logits after a few steps."""
    kwargs = {"weighted_metrics": [], **kwargs}
    model.compile(optimizer=keras.optimizers.SGD(0.1), **kwargs)
    model.fit(case.batches(FEW_STEPS), epochs=1, verbose=0)
    return as_arrays(model(case.x))


def _loss_of_a_step(case: ModelCase, model: Any) -> float:
    """The loss before the weights move; one compiled function serves all of a law."""
    history = model.fit(case.batches(1), epochs=1, verbose=0)
    return float(history.history["loss"][0])
