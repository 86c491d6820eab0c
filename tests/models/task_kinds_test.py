"""Tests of what tasks of labels of each kind can have."""

from tfctr.models import Task
from tfctr.models.task_kinds import of_binary, of_value


def test_defaults_of_a_value_take_the_place_of_those_of_0_and_1():
    task = of_value(Task("spend", weight=2.0))
    assert task.losses == {"zero_inflated_log_normal": 1.0}
    assert task.metrics == ("value_ratio", "mean_value_error")
    assert task.weight == 2.0
    assert of_value(task) == task


def test_what_is_said_stays():
    task = of_value(Task("spend", metrics=("value_ratio",)))
    assert task.metrics == ("value_ratio",)
    click = Task("click", losses={"context_ranking": 1.0})
    assert of_binary(click, has_two_logits=True) is click
