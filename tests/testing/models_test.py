"""Each law of models catches the faults planted against it."""

import pytest

from tests.conformance.specimens import SCHEMA
from tests.testing.faults import assert_caught
from tests.testing.model_faults import FAULTS
from tests.testing.toys import ToyModel, toy_factory
from tfctr.testing import (
    check_model,
    make_batch,
    model_files,
    model_requests,
    model_rows,
    model_training,
    models,
)
from tfctr.testing.model_case import ModelCase

X, Y = make_batch(SCHEMA, 32)


def case_of(cls, **kwargs):
    return ModelCase(toy_factory(cls), X, Y, **{"steps": 60, **kwargs})


@pytest.mark.slow
@pytest.mark.parametrize("law", models.MODEL_LAWS, ids=lambda law: law.__name__)
def test_sound_model_passes(law):
    law(case_of(ToyModel))


def test_check_model_holds_to_every_law(monkeypatch):
    held = []
    laws = [lambda case, k=k: held.append((k, case.steps)) for k in range(3)]
    monkeypatch.setattr(models, "MODEL_LAWS", tuple(laws))
    check_model(toy_factory(ToyModel), X, Y, steps=60)
    assert held == [(0, 60), (1, 60), (2, 60)]


def test_every_law_of_the_modules_is_listed():
    modules = (model_rows, model_files, model_requests, model_training)
    written = {
        getattr(module, name)
        for module in modules
        for name in module.__all__
        if name.startswith("check_")
    }
    assert set(models.MODEL_LAWS) == written


@pytest.mark.parametrize(
    ("fault", "law", "text"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS]
)
def test_fault_is_caught(fault, law, text):
    assert_caught(text, lambda: law(case_of(fault)), fault)


def test_every_law_has_a_fault():
    assert {law for _, law, _ in FAULTS} == set(models.MODEL_LAWS)
