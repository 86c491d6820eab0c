"""Tests of what `tfctr.pipelines` offers, and of what importing it costs."""

import subprocess
import sys

import pytest

import tfctr.pipelines

LIGHT = """
import sys
import tfctr.pipelines
tfctr.pipelines.load_config("tiny")
heavy = {"tensorflow", "tfx", "apache_beam", "keras"} & set(sys.modules)
raise SystemExit(f"imported {heavy}" if heavy else 0)
"""
MISSING = """
import sys
sys.modules["tfx"] = None
import tfctr.pipelines
try:
    tfctr.pipelines.run_pipeline
except ImportError as error:
    raise SystemExit(0 if "pip install 'tfctr[pipelines]'" in str(error) else 1)
raise SystemExit(2)
"""


@pytest.mark.parametrize("script", [LIGHT, MISSING], ids=["light", "missing"])
def test_configurations_are_read_without_tfx_and_a_run_says_how_to_get_it(script):
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there():
    for name in tfctr.pipelines.__all__:
        assert getattr(tfctr.pipelines, name)
    with pytest.raises(AttributeError, match="no attribute 'run_pipelin'"):
        _ = tfctr.pipelines.run_pipelin
