"""Tests of `benchmarks/conversions.py`."""

import conversions
import pytest

from tfctr.training import TrainingConfig


def results(auc):
    row = dict.fromkeys(conversions.METRICS, 1.0) | {"auc": auc}
    return {"tasks": {task: row for task in conversions.TASKS}}


def test_cells_are_median_and_range():
    found = {"DHEN": [results(auc) for auc in (0.7, 0.5, 0.6)]}
    tasks = tuple(conversions.TASKS)
    (row,) = conversions.tables(tasks, found)["auc"]
    assert row == ["DHEN", *["0.6000 (0.5000 to 0.7000)"] * len(conversions.TASKS)]


@pytest.mark.parametrize("study", conversions.STUDIES)
def test_forms_are_models_with_their_arguments(study):
    for name, arguments in conversions.STUDIES[study].forms.values():
        TrainingConfig(model=name, arguments=arguments)


def test_examples_have_five_labels_of_the_log():
    if not conversions.FOLDER.exists():
        pytest.skip("../shared/data is missing: only tests and benchmarks have it")
    data = conversions.kuairand(tuple(conversions.TASKS), "DHEN")
    assert len(data.train) + len(data.validation) + len(data.test) == 41_828
    for task, column in conversions.TASKS.items():
        total = sum(
            data.frame(part)[task].sum() for part in ("train", "validation", "test")
        )
        assert total == data.events[column].sum()
