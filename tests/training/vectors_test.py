"""Tests of vectors that a configuration names."""

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
    changed = config.model_copy(update={"strategy": "mirrored"})
    with pytest.raises(InputError, match="'mirrored' with tables"):
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
