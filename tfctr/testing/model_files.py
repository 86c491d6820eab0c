"""Laws of models about configs and files."""

import tempfile
from pathlib import Path

import keras

from tfctr.testing.configs import check_config
from tfctr.testing.layer_structure import weight_shapes_of
from tfctr.testing.model_case import USER_ROLES, ModelCase
from tfctr.testing.verdicts import as_arrays, require, require_close

__all__ = ["check_keras_file", "check_model_config", "check_saved_model"]


def check_model_config(case: ModelCase) -> None:
    """The config is JSON, has every argument, and makes the same weights again."""
    model = case.make()
    check_config(case.factory, model, {})
    again = type(model).from_config(model.get_config())
    again(case.x)
    made, expected = weight_shapes_of(again), weight_shapes_of(model)
    require(
        made == expected,
        "a model made from the config has the same weights",
        f"They are {made} instead of {expected}.",
    )


def check_keras_file(case: ModelCase) -> None:
    """A `.keras` file gives equal outputs, before and after training."""
    model = case.make(perturbed=True)
    _check_file(case, model, "a `.keras` file gives equal outputs")
    # Eagerly: one step takes less time than its graph to be made.
    model.compile(
        optimizer=keras.optimizers.SGD(0.1), weighted_metrics=[], run_eagerly=True
    )
    model.fit(case.batches(1), epochs=1, verbose=0)
    _check_file(case, model, "a `.keras` file of a trained model gives equal outputs")


def _check_file(case: ModelCase, model: keras.Model, law: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        restored = keras.models.load_model(path)
    require(type(restored) is type(model), law, f"It is a {type(restored)}.")
    require_close(restored(case.x), model(case.x), law, atol=case.tolerance)


def check_saved_model(case: ModelCase) -> None:
    """A SavedModel of the forward pass gives equal outputs for any batch size."""
    import tensorflow as tf  # SavedModel is TensorFlow's own format

    law = "a SavedModel gives equal outputs for any batch size"
    model = case.make(perturbed=True)
    names = case.names(model, (*USER_ROLES, "item"))
    inputs = {name: tf.constant(case.x[name]) for name in names}
    signature = {
        name: tf.TensorSpec([None, *value.shape[1:]], value.dtype, name=name)
        for name, value in inputs.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        model.export(
            folder,
            format="tf_saved_model",
            input_signature=[signature],
            verbose=False,
        )
        served = tf.saved_model.load(folder)
    expected = as_arrays(model(case.x))
    for rows in (len(next(iter(expected.values()))), 1):
        require_close(
            served.serve({name: value[:rows] for name, value in inputs.items()}),
            {name: value[:rows] for name, value in expected.items()},
            law,
            atol=case.tolerance,
        )
