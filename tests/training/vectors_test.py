"""Tests of vectors that a configuration names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.features.shop import SCHEMA, shop_frame
from tests.models.data import SMALL
from tfctr import models
from tfctr.data import vectors_by_row, write_vectors
from tfctr.errors import InputError, UnknownName
from tfctr.models import DIN, DiffMSIN
from tfctr.training import TrainingConfig, make_model
from tfctr.training.fitting import load_tables
from tfctr.training.vectors import load_vectors, with_widths

STATE = SCHEMA.fit(shop_frame(15, seed=1, items=8))
IDS = [*STATE.values("item_id")[:3], "unknown"]
VECTORS = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")


@pytest.fixture
def folder(tmp_path):
    write_vectors(tmp_path / "plots", IDS, VECTORS)
    return str(tmp_path / "plots")


def test_tables_have_the_width_of_their_files(folder):
    folders = {"plot": folder}
    assert with_widths(DiffMSIN, {"dim": 4}, folders) == {
        "dim": 4,
        "tables": {"plot": 5},
    }
    arguments = {"tables": {"plot": 5, "other": 2}}
    assert with_widths(DiffMSIN, arguments, folders) == arguments
    with pytest.raises(InputError, match=r"`vectors\.plot`: received .* width 5.*3"):
        with_widths(DiffMSIN, {"tables": {"plot": 3}}, folders)
    with pytest.raises(InputError, match="`x`: received folders for DIN"):
        with_widths(DIN, {}, folders, field="x")
    with pytest.raises(InputError, match="`folder`: received nowhere"):
        with_widths(DiffMSIN, {}, {"plot": "nowhere"})


def test_a_configuration_loads_vectors_by_item(folder):
    config = TrainingConfig(
        model="DiffMSIN", arguments=SMALL["DiffMSIN"], vectors={"plot": folder}
    )
    model = make_model(config, STATE.schema)
    with pytest.raises(InputError, match="`state`"):
        load_tables(model, config, None, None)
    load_tables(model, config, STATE, None)
    found = np.asarray(model.vector_tables["plot"].vectors)
    expected = np.nan_to_num(vectors_by_row(STATE, IDS, VECTORS))
    np.testing.assert_array_equal(found, expected)
    changed = config.model_copy(update={"strategy": "multi_worker"})
    with pytest.raises(InputError, match=r"'multi_worker' with tables.*'mirrored'"):
        load_tables(model, changed, STATE, None)


def test_vectors_that_fit_no_model_or_vocabulary_are_refused(folder, tmp_path):
    model = models.DiffMSIN(STATE.schema, **SMALL["DiffMSIN"], tables={"plot": 5})
    with pytest.raises(UnknownName, match="Did you mean 'plot'"):
        load_vectors(model, {"plto": folder}, STATE)
    with pytest.raises(InputError, match="`model`: received DIN"):
        load_vectors(models.DIN(STATE.schema, dim=4), {"plot": folder}, STATE)
    write_vectors(tmp_path / "others", ["x", "y"], VECTORS[:2])
    with pytest.raises(InputError, match="`ids`: received 2 ids such as"):
        load_vectors(model, {"plot": str(tmp_path / "others")}, STATE)


CHILD = """
import json, sys
import keras, numpy as np, tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.models.data import SMALL
from tests.training.vectors_test import STATE
from tests.features.shop import shop_frame
from tfctr.data.batches import to_dataset
from tfctr.training import TrainingConfig, train
from tfctr.training.strategy import make_strategy
for strategy in ("single", "mirrored"):
    config = TrainingConfig(model="DiffMSIN", epochs=2, batch_size=8,
        learning_rate=0.05, strategy=strategy, vectors={"plot": sys.argv[1]},
        arguments={**SMALL["DiffMSIN"], "noise": False, "dropout": 0.0},
        tasks={n: {"metrics": ["log_loss"]} for n in STATE.schema.label_columns()
               if "weight" not in n})
    data = to_dataset(shop_frame(24, seed=1, items=8), STATE, 8, shuffle=False)
    model = train(config, STATE.schema, data, data, state=STATE, verbose=0)
    print(json.dumps({
        "replicas": make_strategy(strategy).num_replicas_in_sync,
        "loss": model.history.history["loss"],
        "table": np.asarray(model.vector_tables["plot"].vectors).tolist(),
        "weights": [np.asarray(w).tolist() for w in model.trainable_variables]}))
"""


@pytest.mark.slow
def test_two_devices_train_with_vectors_as_one_does(folder):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, folder],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = map(json.loads, done.stdout.splitlines()[-2:])
    assert (one["replicas"], two["replicas"]) == (1, 2)
    expected = np.nan_to_num(vectors_by_row(STATE, IDS, VECTORS))
    np.testing.assert_array_equal(one["table"], expected)
    np.testing.assert_array_equal(two["table"], expected)
    assert one["loss"][1] < one["loss"][0]
    np.testing.assert_allclose(two["loss"], one["loss"], atol=2e-5)
    for a, b in zip(one["weights"], two["weights"], strict=True):
        np.testing.assert_allclose(b, a, atol=2e-4)
