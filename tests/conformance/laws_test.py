"""Every public class keeps the laws of its kind, and none is forgotten."""

import importlib
import inspect
import pkgutil

import keras
import pytest

import tfctr.layers
import tfctr.metrics
import tfctr.models
from tests.conformance.specimens import LAYERS, LOSSES, METRICS, MODELS
from tfctr.saving import serializable
from tfctr.testing import check_layer, check_loss, check_metric
from tfctr.testing.models import MODEL_LAWS, ModelCase

# What others inherit from, and nobody makes.
ABSTRACT = {
    "AdaptiveDense",
    "InteractionModule",
    "ModalRanker",
    "MultiTaskModel",
    "PreRankingModel",
    "RankingModel",
    "RunningSums",
    "EventRecurrence",
    "SequenceRanker",
    "SequentialModel",
    "TARQTraining",
    "TrainableModel",
    "TrainingLosses",
    "TwoSides",
    "VectorTables",
    "ValueSums",
    "VectorModel",
}
# keras-rs lays out its weights, and takes whole batches of all columns only: see
# tests/layers/embedding/distributed_test.py.
# ItemFrequencies counts what it is called with, so no two calls are equal: see
# tests/layers/embedding/item_frequencies_test.py.
# IDPretraining has no labels, so it ranks nothing: see
# tests/models/id_pretraining_test.py.
# Calibrated is made of a model: see tests/models/calibrated_test.py.
# ZeroInflatedLogNormal takes three outputs for each value: see
# tests/losses/zero_inflated_log_normal_test.py.
ELSEWHERE = {
    "Calibrated",
    "DistributedCollection",
    "IDPretraining",
    "ItemFrequencies",
    "ZeroInflatedLogNormal",
}
PACKAGES = {
    "layers": (keras.layers.Layer, LAYERS),
    "losses": (keras.losses.Loss, LOSSES),
    "metrics": (keras.metrics.Metric, METRICS),
    "models": (keras.Model, MODELS),
}


def _ids(specimens):
    return [f"{s.cls.__name__}{place}" for place, s in enumerate(specimens)]


@pytest.mark.parametrize("specimen", LAYERS, ids=_ids(LAYERS))
def test_layer_keeps_the_laws(specimen):
    check_layer(
        specimen.cls,
        specimen.init_kwargs,
        specimen.inputs,
        output_shape=specimen.output_shape,
        weight_shapes=specimen.weight_shapes,
        **specimen.options,
    )


@pytest.mark.parametrize("specimen", METRICS, ids=_ids(METRICS))
def test_metric_keeps_the_laws(specimen):
    check_metric(
        specimen.cls,
        specimen.init_kwargs,
        specimen.inputs,
        reference=specimen.reference,
        **specimen.options,
    )


@pytest.mark.parametrize("specimen", LOSSES, ids=_ids(LOSSES))
def test_loss_keeps_the_laws(specimen):
    check_loss(
        specimen.cls,
        specimen.init_kwargs,
        specimen.y_true,
        specimen.y_pred,
        **specimen.options,
    )


@pytest.mark.slow
@pytest.mark.parametrize("law", MODEL_LAWS, ids=lambda law: law.__name__[6:])
@pytest.mark.parametrize("specimen", MODELS, ids=_ids(MODELS))
def test_model_keeps_the_laws(specimen, law):
    law(ModelCase(specimen.factory, *specimen.batch))


def _public_classes(package_name, base):
    """Classes that the package or a module below it lists in `__all__`."""
    package = importlib.import_module(f"tfctr.{package_name}")
    below = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    modules = [package, *(importlib.import_module(found.name) for found in below)]
    return {
        value
        for module in modules
        for name in getattr(module, "__all__", ())
        if inspect.isclass(value := getattr(module, name))
        and issubclass(value, base)
        and name not in ABSTRACT | ELSEWHERE
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_class_has_a_specimen(package):
    base, specimens = PACKAGES[package]
    forgotten = _public_classes(package, base) - {s.cls for s in specimens}
    assert not forgotten, (
        f"Add specimens of {sorted(c.__name__ for c in forgotten)} to "
        "tests/conformance/specimens.py"
    )


def test_classes_are_found_below_a_package():
    assert tfctr.metrics.GroupedAUC in _public_classes("metrics", keras.metrics.Metric)
    assert tfctr.models.DIN in _public_classes("models", keras.Model)


def test_every_specimen_is_registered_under_its_own_name():
    for _, specimens in PACKAGES.values():
        for specimen in specimens:
            name = f"tfctr>{specimen.cls.__name__}"
            assert keras.saving.get_registered_object(name) is specimen.cls


def test_a_second_class_of_a_saved_name_raises():
    class AUC(keras.metrics.Metric):
        """Another metric of that name."""

    with pytest.raises(ValueError, match="`AUC` is already registered by tfctr"):
        serializable(AUC)
