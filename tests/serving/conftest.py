"""A small model, saved once, and servers for it."""

import shutil
from pathlib import Path

import pytest

from tfctr.serving import PredictClient

NAME = "small"


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> dict[str, Path]:
    """SavedModels to copy into model folders: `one` and `two` differ in `plus`."""
    from tests.serving import small_model

    folder = tmp_path_factory.mktemp("saved")
    small_model.save(folder / "one", 100.0)
    small_model.save(folder / "two", 200.0, by_id=False)
    return {"one": folder / "one", "two": folder / "two"}


@pytest.fixture
def base(tmp_path, saved) -> Path:
    """A model folder with version 1."""
    shutil.copytree(saved["one"], tmp_path / "model" / "1")
    return tmp_path / "model"


@pytest.fixture(scope="session")
def served(tmp_path_factory, saved):
    """A running server of version 7 for tests that do not change it."""
    from tfctr.serving.server import EmbeddedServer, ServerOptions

    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(saved["one"], folder / "7")
    with EmbeddedServer(NAME, folder, ServerOptions(poll_seconds=0)) as server:
        yield server


@pytest.fixture(scope="session")
def client(served):
    with PredictClient(served.address, NAME) as client:
        yield client
