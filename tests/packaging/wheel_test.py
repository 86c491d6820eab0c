"""The wheel alone, with the core dependencies only, in a clean environment."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements-py{}{}.lock".format(*sys.version_info[:2])
FOLDERS = {"tfctr": "tfctr", "pipelines": "tfctr/pipelines", "serving": "tfctr/serving"}
SOURCES = [*FOLDERS, "setup.py", "pyproject.toml", "LICENSE", "README.md"]

# What a user of the wheel does who has a table and a notebook, and no TFX.
FIRST_STEPS = """
import importlib.util
import pathlib

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import tfctr.export
import tfctr.models
from tfctr.features import (
    Categorical, FeatureSchema, Label, Numeric, Sequence, frame_to_arrays
)

for absent in ("tfx", "apache_beam", "tensorflow_serving"):
    assert importlib.util.find_spec(absent) is None, absent

users = [f"u{number % 7}" for number in range(64)]
items = [f"i{number % 5}" for number in range(64)]
frame = pd.DataFrame({
    "user_id": users,
    "item_id": items,
    "price": np.linspace(1.0, 9.0, 64, dtype="float32"),
    "history_item_id": [items[:number % 4] for number in range(64)],
    "click": [float(number % 3 == 0) for number in range(64)],
})
schema = FeatureSchema(
    user=[Categorical("user_id")],
    item=[Categorical("item_id"), Numeric("price")],
    sequences=[Sequence("history", [Categorical("item_id")], max_length=4)],
    labels=[Label("click")],
    user_id="user_id",
    item_id="item_id",
)
state = schema.fit(frame)
raw = frame_to_arrays(state.schema, frame, ("user", "item", "context", "sequence"))
x = state.encode({name: tf.constant(values) for name, values in raw.items()})
y = {"click": frame["click"].to_numpy("float32")}
batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)


def fitted(cls):
    model = cls(state.schema, dim=4)
    model.compile()
    model.fit(batches, epochs=1, verbose=0)
    return model


ranking = fitted(tfctr.models.DeepFM)
logits = keras.ops.convert_to_numpy(ranking(x)["click"])
assert logits.shape == (64,) and np.isfinite(logits).all()
ranking.save("model.keras")
again = keras.models.load_model("model.keras")
np.testing.assert_allclose(again(x)["click"], logits, rtol=1e-6, atol=1e-6)

catalogue = frame.groupby("item_id", as_index=False)["price"].first()
tfctr.export.save(
    "served",
    ranking=ranking,
    pre_ranking=fitted(tfctr.models.TwoTower),
    state=state,
    items=catalogue,
    top_k=3,
)
(version,) = [path for path in pathlib.Path("served").iterdir() if path.is_dir()]
served = tf.saved_model.load(str(version)).signatures["ranking"]
names = served.structured_input_signature[1]
one_item_each = {
    name: tf.constant(values[:, None] if column.role == "item" else values)
    for column in state.schema.raw_columns()
    for name, values in [(column.name, raw[column.name])]
    if name in names
}
answer = served(**one_item_each)["click"].numpy()
expected = 1 / (1 + np.exp(-logits))
np.testing.assert_allclose(answer[:, 0], expected, rtol=1e-5, atol=1e-5)
print("all steps done")
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command and returns what it prints; its errors are the test's."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: setuptools leaves files beside its sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source, target = ROOT / name, folder / "source" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, target, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(source, target)
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    run(*build, "--outdir", folder, folder / "source", cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_wheel_holds_every_module_and_data_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {
        f"{target}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, target in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == sources


@pytest.mark.slow
def test_wheel_names_its_python_versions_and_extras(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode().splitlines()
    (python,) = [line for line in metadata if line.startswith("Requires-Python:")]
    assert set(python.split(": ")[1].split(",")) == {">=3.11", "<3.14"}
    extras = {line.split(": ")[1] for line in metadata if "Provides-Extra" in line}
    assert extras == {"pipelines", "serving", "bench", "dev"}
    core = [line for line in metadata if "Requires-Dist" in line and ";" not in line]
    assert not [line for line in core if "tfx" in line or "beam" in line]


@pytest.mark.slow
@pytest.mark.timeout(900)  # downloads and installs TensorFlow
def test_core_install_fits_saves_reloads_and_exports(
    wheel: Path, tmp_path: Path
) -> None:
    python = tmp_path / "env" / "bin" / "python"
    run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path)
    pip = (
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--constraint",
        LOCK,
    )
    run(*pip, wheel, cwd=tmp_path)
    assert "all steps done" in run(python, "-c", FIRST_STEPS, cwd=tmp_path)
