"""Tests of `tfctr.models`: models by name."""

import pytest

from tfctr import models
from tfctr.errors import UnknownName
from tfctr.models import RankingModel


def test_every_public_model_has_its_name():
    public = {getattr(models, name) for name in models.__all__}
    classes = {c for c in public if isinstance(c, type) and issubclass(c, RankingModel)}
    bases = {models.RankingModel, models.PreRankingModel}
    # A calibrated model is made of another one, and not of a schema.
    bases |= {models.ModalRanker, models.MultiTaskModel, models.Calibrated}
    assert {models.get(name) for name in models.names()} == classes - bases


def test_names_are_those_of_the_classes():
    assert [models.get(name).__name__ for name in models.names()] == models.names()


@pytest.mark.parametrize(("name", "near"), [("DeepFN", "DeepFM"), ("DCNv3", "DCNv2")])
def test_unknown_model_is_refused_with_the_nearest(name, near):
    with pytest.raises(UnknownName, match=f"`model`.*Did you mean '{near}'"):
        models.get(name)
