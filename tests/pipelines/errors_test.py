"""Tests of `tfctr.pipelines.errors`."""

import apache_beam as beam
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.pipelines.errors import PipelineError, input_error_in

ERROR = InputError("age", received="'old'", expected="a number", hint="Mend it.")


def _fail(value: int) -> int:
    raise ERROR


def test_input_error_is_found_in_what_a_beam_runner_raises():
    with pytest.raises(Exception, match="age") as raised, beam.Pipeline() as pipeline:
        _ = pipeline | beam.Create([1]) | beam.Map(_fail)
    assert str(input_error_in(raised.value)) == str(ERROR)


@pytest.mark.parametrize(
    "error", [ERROR, UnknownName("column", "agee", ["age"])], ids=["input", "name"]
)
def test_input_error_is_found_in_the_text_of_another_process(error):
    text = f"Traceback\n  File x\ntfctr.errors.{type(error).__name__}: {error}"
    found = input_error_in(RuntimeError(f"{text} [while running 'Read/Rows']"))
    assert (found.field, str(found)) == (error.field, str(error))


def test_other_errors_are_none():
    assert input_error_in(RuntimeError("disk full")) is None


def test_pipeline_error_names_the_component_and_the_cause():
    wrapped = RuntimeError("worker died")
    wrapped.__cause__ = ERROR
    error = PipelineError("BehaviourExampleGen", wrapped)
    assert error.cause is ERROR
    assert str(error) == f"BehaviourExampleGen failed: {ERROR}"
