"""`import tfctr` in a fresh process: quick, silent, and without side effects."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

MAX_SECONDS_OVER_KERAS = 0.5
RUNS = 3
SDK = Path(__file__).parents[2] / "tfctr"
# What only the extras install, and the SDK therefore never loads by itself.
EXTRAS = (
    "apache_beam",
    "ml_metadata",
    "tensorflow_data_validation",
    "tensorflow_model_analysis",
    "tensorflow_serving",
    "tensorflow_transform",
    "tfx",
    "tfx_bsl",
)
# What the core installs, but not everyone who imports `tfctr` needs.
HEAVY = ("matplotlib", "pandas", "pyarrow", "sklearn", "tensorflow_recommenders")
CHILD = """
import importlib, json, logging, os, random, signal, socket, sys, time, warnings

connections = []
def record(self, address, *rest):
    connections.append(repr(address))
    raise OSError("no network in this test")
socket.socket.connect = socket.socket.connect_ex = record
socket.getaddrinfo = lambda host, *rest, **more: record(None, host)

import keras, numpy as np

def state():
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "sys.path": list(sys.path),
        "logging": [root.level, repr(root.handlers), logging.root.manager.disable],
        "warnings": [repr(f) for f in warnings.filters] + [repr(warnings.showwarning)],
        "signals": repr([signal.getsignal(s) for s in (2, 15)]),
        "excepthook": repr(sys.excepthook),
        "random": repr(random.getstate()),
        "numpy": [repr(np.random.get_state()), np.geterr(),
                  repr(np.get_printoptions())],
        "keras": [keras.config.floatx(), keras.config.epsilon(),
                  keras.config.image_data_format(), keras.config.backend(),
                  keras.config.dtype_policy().name,
                  keras.config.is_traceback_filtering_enabled(),
                  keras.config.is_interactive_logging_enabled()],
    }

before, loaded = state(), set(sys.modules)
started = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(name)
seconds = time.perf_counter() - started
after = state()
print(json.dumps({
    "seconds": seconds,
    "connections": connections,
    "loaded": sorted(set(sys.modules) - loaded),
    "changed": [k for k in before if before[k] != after[k]],
}))
"""


def loaded_packages(report):
    return {name.split(".")[0] for name in report["loaded"]}


def import_in_a_child(folder, *names):
    """What a fresh process saw while it imported `names` after Keras."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return json.loads(child.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def imports(tmp_path_factory):
    """Reports of several processes that imported `tfctr`."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return [import_in_a_child(folder, "tfctr") for _ in range(RUNS)]


@pytest.fixture(scope="module")
def sdk(tmp_path_factory):
    """Report of a process that imported every sub-package of the SDK."""
    packages = sorted(path.parent.name for path in SDK.glob("*/__init__.py"))
    assert "models" in packages
    names = [f"tfctr.{package}" for package in packages]
    return import_in_a_child(tmp_path_factory.mktemp("sdk"), *names)


def test_import_takes_little_longer_than_keras(imports):
    seconds = [report["seconds"] for report in imports]
    assert statistics.median(seconds) <= MAX_SECONDS_OVER_KERAS, seconds


def test_import_opens_no_connection(imports, sdk):
    assert imports[0]["connections"] == []
    assert sdk["connections"] == []


def test_import_changes_no_global_state(imports, sdk):
    assert imports[0]["changed"] == []
    assert sdk["changed"] == []


def test_import_loads_no_heavy_library(imports):
    assert "tfctr" in loaded_packages(imports[0])
    assert not loaded_packages(imports[0]) & {*HEAVY, *EXTRAS}


def test_sdk_loads_what_the_core_installs(sdk):
    assert "tfctr.models" in sdk["loaded"]
    assert not loaded_packages(sdk) & set(EXTRAS)


def test_import_loads_neither_the_pipeline_nor_the_server(imports, sdk):
    prefixes = ("tfctr.pipelines", "tfctr.serving")
    loaded = [*imports[0]["loaded"], *sdk["loaded"]]
    assert not [name for name in loaded if name.startswith(prefixes)]
