"""What TFMA computes, and what a model must reach to be blessed."""

from collections.abc import Iterable
from typing import Any

from tensorflow_model_analysis.proto import config_pb2

from tfctr.errors import UnknownName
from tfctr.features import FeatureSchema
from tfctr.pipelines.config import EvaluationConfig

__all__ = ["evaluated_labels", "evaluation_config"]

AUC_THRESHOLDS = '{"num_thresholds": 10000}'
OF_ALL_LABELS = ("BinaryCrossEntropy", "ExampleCount")
OF_VALUES = ("Calibration", "MeanAbsoluteError", "MeanSquaredError", "ExampleCount")


def evaluated_labels(schema: FeatureSchema) -> dict[str, bool]:
    """Labels that every example has, since TFMA cannot leave out single ones.

    Returns:
        Whether each is a value, by name; the first is one of 0 and 1.
    """
    labels = [label for label in schema.labels if label.observed_if is None]
    return {label.name: label.is_value for label in labels}


def evaluation_config(
    schema: FeatureSchema, config: EvaluationConfig
) -> config_pb2.EvalConfig:
    """Metrics of `serving_default` on raw examples, and the thresholds.

    The first label decides: its AUC, its calibration, and its AUC against the last
    blessed model where there is one. Values get calibration (predicted over observed)
    and mean errors.

    Args:
        schema: The declaration.
        config: The thresholds and slices.

    Raises:
        UnknownName: A slice names a column that examples do not have.
    """
    labels = evaluated_labels(schema)
    weights = {label.name: label.weight for label in schema.labels if label.weight}
    model = config_pb2.ModelSpec(signature_name="serving_default")
    main = next(iter(labels))
    if len(schema.labels) == 1:
        # TFMA takes the only output of a model out of its dict, and its name with it.
        model.label_key = main
        model.example_weight_key = weights.get(main, "")
    else:
        model.label_keys.update({name: name for name in labels})
        weighted = {n: w for n, w in weights.items() if n in labels}
        model.example_weight_keys.update(weighted)
    metrics = [
        config_pb2.MetricsSpec(
            output_names=[name] if len(schema.labels) > 1 else [],
            metrics=_plain(OF_VALUES)
            if is_value
            else _metrics(config, decides=name == main),
        )
        for name, is_value in labels.items()
    ]
    return config_pb2.EvalConfig(
        model_specs=[model],
        slicing_specs=list(_slices(schema, config.slices)),
        metrics_specs=metrics,
    )


def _metrics(
    config: EvaluationConfig, *, decides: bool
) -> list[config_pb2.MetricConfig]:
    auc: dict[str, Any] = {"class_name": "AUC", "config": AUC_THRESHOLDS}
    calibration: dict[str, Any] = {"class_name": "Calibration"}
    if decides:
        auc["per_slice_thresholds"] = _over_all_examples(
            value_threshold={"lower_bound": {"value": config.min_auc}},
            change_threshold={
                "direction": config_pb2.MetricDirection.HIGHER_IS_BETTER,
                "absolute": {"value": -config.max_auc_drop},
            },
        )
        calibration["per_slice_thresholds"] = _over_all_examples(
            value_threshold={
                "lower_bound": {"value": config.calibration_low},
                "upper_bound": {"value": config.calibration_high},
            }
        )
    judged = [config_pb2.MetricConfig(**m) for m in (auc, calibration)]
    return [*judged, *_plain(OF_ALL_LABELS)]


def _plain(names: Iterable[str]) -> list[config_pb2.MetricConfig]:
    """Metrics without a threshold."""
    return [config_pb2.MetricConfig(class_name=name) for name in names]


def _over_all_examples(**threshold: Any) -> list[config_pb2.PerSliceMetricThreshold]:
    # A plain `threshold` would hold for each slice, however few examples it has.
    return [
        config_pb2.PerSliceMetricThreshold(
            slicing_specs=[config_pb2.SlicingSpec()],
            threshold=config_pb2.MetricThreshold(**threshold),
        )
    ]


def _slices(
    schema: FeatureSchema, slices: Iterable[Iterable[str]]
) -> Iterable[config_pb2.SlicingSpec]:
    yield config_pb2.SlicingSpec()
    known = [column.name for column in schema.raw_columns()]
    for columns in slices:
        names = list(columns)
        for name in names:
            if name not in known:
                raise UnknownName("evaluation.slices", name, known)
        yield config_pb2.SlicingSpec(feature_keys=names)
