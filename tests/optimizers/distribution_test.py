"""Two replicas train to the weights of one device on the same global batch."""

import json
import subprocess
import sys

import pytest

from tests.conformance.sources import ROOT


@pytest.fixture(scope="module")
def found():
    run = subprocess.run(
        [sys.executable, "-m", "tests.optimizers.replicas_run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.slow
def test_replicas_agree_with_one_device(found):
    assert len(found["gaps"]) == 15
    wrong = {name: gap for name, gap in found["gaps"].items() if not gap < 1e-5}
    assert not wrong


@pytest.mark.slow
def test_accumulation_over_replicas_is_refused(found):
    assert "2 with several replicas" in found["refusal"]


@pytest.mark.slow
def test_the_learning_rate_of_a_composite_can_be_set_under_replicas(found):
    assert found["rates"] == pytest.approx([0.25, 0.25], rel=1e-5)
