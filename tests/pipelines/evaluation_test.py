"""Tests of `tfctr.pipelines.evaluation`."""

import dataclasses

import pytest

from tests.pipelines.logs import make_schema, make_small_schema
from tfctr.errors import UnknownName
from tfctr.features import Label
from tfctr.pipelines.config import EvaluationConfig
from tfctr.pipelines.evaluation import evaluated_labels, evaluation_config

SCHEMA = make_schema()


def test_labels_that_are_observed_in_part_are_left_out():
    assert evaluated_labels(SCHEMA) == {"like": False}
    (model,) = evaluation_config(SCHEMA, EvaluationConfig()).model_specs
    assert dict(model.label_keys) == {"like": "like"}
    assert model.signature_name == "serving_default"


def test_only_label_goes_without_a_name():
    config = evaluation_config(make_small_schema(), EvaluationConfig())
    assert config.model_specs[0].label_key == "like"
    assert not config.model_specs[0].label_keys
    assert not config.metrics_specs[0].output_names


def test_thresholds_are_those_of_the_configuration():
    config = EvaluationConfig(
        min_auc=0.7, calibration_low=0.9, calibration_high=1.1, max_auc_drop=0.02
    )
    (spec,) = evaluation_config(SCHEMA, config).metrics_specs
    auc, calibration = spec.metrics[:2]
    assert (auc.class_name, calibration.class_name) == ("AUC", "Calibration")
    (of_auc,) = auc.per_slice_thresholds
    (of_calibration,) = calibration.per_slice_thresholds
    bounds = of_calibration.threshold.value_threshold
    assert of_auc.threshold.value_threshold.lower_bound.value == 0.7
    assert of_auc.threshold.change_threshold.absolute.value == -0.02
    assert (bounds.lower_bound.value, bounds.upper_bound.value) == (0.9, 1.1)


def test_thresholds_hold_over_all_examples_and_not_for_each_slice():
    config = EvaluationConfig(slices=[["job"]])
    (spec,) = evaluation_config(SCHEMA, config).metrics_specs
    for metric in spec.metrics:
        assert not metric.HasField("threshold")
        for threshold in metric.per_slice_thresholds:
            assert [list(s.feature_keys) for s in threshold.slicing_specs] == [[]]


def test_slices_begin_with_all_examples():
    config = EvaluationConfig(slices=[["job"], ["job", "device"]])
    slices = evaluation_config(SCHEMA, config).slicing_specs
    assert [list(s.feature_keys) for s in slices] == [[], ["job"], ["job", "device"]]


def test_slice_by_an_unknown_column_is_refused():
    with pytest.raises(UnknownName, match=r"`evaluation\.slices`.*Did you mean 'job'"):
        evaluation_config(SCHEMA, EvaluationConfig(slices=[["jobs"]]))


def test_values_have_errors_and_calibration_and_decide_nothing():
    schema = make_schema()
    spend = Label("spend", kind="value")
    with_value = dataclasses.replace(schema, labels=(*schema.labels, spend))
    config = evaluation_config(with_value, EvaluationConfig())
    assert dict(config.model_specs[0].label_keys) == {"like": "like", "spend": "spend"}
    of_like, of_spend = config.metrics_specs
    assert list(of_spend.output_names) == ["spend"]
    names = [metric.class_name for metric in of_spend.metrics]
    assert names == [
        "Calibration",
        "MeanAbsoluteError",
        "MeanSquaredError",
        "ExampleCount",
    ]
    assert not any(metric.per_slice_thresholds for metric in of_spend.metrics)
    assert of_like.metrics[0].class_name == "AUC"
