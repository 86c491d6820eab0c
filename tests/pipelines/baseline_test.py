"""Tests of `tfctr.pipelines.baseline`."""

from tfx.types import standard_artifacts

from tfctr.pipelines.baseline import LastOtherBlessedModel


def model(number: int):
    artifact = standard_artifacts.Model()
    artifact.id = number
    return artifact


def blessing(number: int, blessed: bool = True, kind=standard_artifacts.ModelBlessing):
    artifact = kind()
    artifact.set_int_custom_property("current_model_id", number)
    artifact.set_int_custom_property("blessed", int(blessed))
    return artifact


def resolved(
    candidate: int, models: list[int], blessings: list, refused: int = 0
) -> list[int]:
    """Id of the baseline, where the serving check has refused one model."""
    infra = standard_artifacts.InfraBlessing
    found = LastOtherBlessedModel().resolve_artifacts(
        None,
        {
            "model": [model(number) for number in models],
            "model_blessing": blessings,
            "infra_blessing": [blessing(n, n != refused, infra) for n in models],
            "candidate": [model(candidate)],
        },
    )
    return [artifact.id for artifact in found["model"]]


def test_first_model_has_no_baseline():
    assert resolved(1, [1], []) == []


def test_baseline_is_the_last_one_that_was_blessed():
    blessings = [blessing(1), blessing(2), blessing(3, blessed=False)]
    assert resolved(4, [1, 2, 3, 4], blessings) == [2]


def test_candidate_from_the_cache_is_not_its_own_baseline():
    assert resolved(1, [1], [blessing(1)]) == []
    assert resolved(2, [1, 2], [blessing(1), blessing(2)]) == [1]


def test_model_that_the_serving_check_refused_is_no_baseline():
    blessings = [blessing(1), blessing(2)]
    assert resolved(3, [1, 2, 3], blessings, refused=2) == [1]
