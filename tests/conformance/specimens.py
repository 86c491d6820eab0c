"""One specimen, at least, of every public layer, loss, metric and model.

A specimen says how to make the thing and what to feed it. The laws run over these
lists (`laws_test.py`), and a public class without a specimen fails there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from tfctr import layers, losses, metrics, models
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Numeric,
    Sequence,
    Timestamp,
    Vector,
    Vocabulary,
)
from tfctr.testing import make_batch

# A schema with every kind of feature in every role that can hold it.
SCHEMA = FeatureSchema(
    user=(Categorical("user_id"), Numeric("age"), Categorical("gender")),
    item=(
        Categorical("item_id", dtype="int64"),
        Categorical("genres", max_values=3),
        Numeric("price", transform="log_standardize"),
        Vector("title_vector", dim=5),
    ),
    context=(Timestamp("time", calendar=("hour", "weekday")), Categorical("device")),
    sequences=(
        Sequence(
            "history",
            features=(
                Categorical("item_id", dtype="int64", vocabulary="item_id"),
                Categorical("action"),
                Numeric("price", transform="log_standardize"),
            ),
            timestamp=Timestamp("time"),
            action="action",
            max_length=7,
        ),
    ),
    labels=(Label("click"), Label("buy", observed_if="click")),
    user_id="user_id",
    item_id="item_id",
    timestamp="time",
    vocabularies=(
        Vocabulary("device", num_hash_buckets=4),
        Vocabulary("gender", values=("f", "m")),
    ),
    sizes={"user_id": 9, "item_id": 12, "genres": 6, "action": 4},
)

# What models need, whose embeddings are those of others: graphs are made quickly.
FEW = FeatureSchema(
    user=(Categorical("user_id"), Numeric("age")),
    item=(Categorical("item_id", dtype="int64"),),
    sequences=(Sequence("history", (Categorical("item_id"),), max_length=4),),
    labels=(Label("click"),),
    user_id="user_id",
    item_id="item_id",
    sizes={"user_id": 9, "item_id": 12},
)

FEW_WITH_PICTURES = replace(
    FEW,
    item=(Categorical("item_id", dtype="int64"), Vector("picture", dim=3)),
    sequences=(
        Sequence(
            "history",
            (Categorical("item_id"), Vector("picture", dim=3)),
            max_length=4,
        ),
    ),
)

# Recurrent models are compiled slowly, so theirs has few features.
HISTORIES = FeatureSchema(
    user=(Categorical("user_id"),),
    item=(Categorical("item_id"), Numeric("price")),
    context=(Timestamp("time"),),
    sequences=(
        Sequence(
            "history",
            features=(Categorical("item_id"), Categorical("action")),
            timestamp=Timestamp("time"),
            max_length=4,
        ),
    ),
    labels=(Label("click"),),
    user_id="user_id",
    item_id="item_id",
    timestamp="time",
    sizes={"user_id": 9, "item_id": 12, "action": 4},
)

# Weights of a block of a causal transformer of width 6.
SOFTMAX_BLOCK = {
    **{f"{n}_norm/gamma": (6,) for n in ("attention", "hidden")},
    **{f"{n}_norm/beta": (6,) for n in ("attention", "hidden")},
    "qkv/kernel": (6, 18),
    **{f"{n}/kernel": (6, 6) for n in ("output", "hidden", "hidden_output")},
    **{f"{n}/bias": (6,) for n in ("output", "hidden", "hidden_output")},
}

_RNG = np.random.default_rng(0)


def _floats(*shape: int) -> np.ndarray:
    return _RNG.normal(size=shape).astype("float32")


@dataclass(frozen=True)
class LayerSpecimen:
    """A layer and what `check_layer` needs."""

    cls: Any
    init_kwargs: Mapping[str, Any]
    inputs: Mapping[str, Any]
    output_shape: Any
    weight_shapes: Mapping[str, tuple[int, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LossSpecimen:
    """A loss and what `check_loss` needs."""

    cls: Any
    init_kwargs: Mapping[str, Any]
    y_true: np.ndarray
    y_pred: np.ndarray
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricSpecimen:
    """A metric and what `check_metric` needs."""

    cls: Any
    init_kwargs: Mapping[str, Any]
    inputs: Mapping[str, np.ndarray]
    reference: Callable[..., float]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelSpecimen:
    """A model and what `check_model` needs."""

    cls: Any
    init_kwargs: Mapping[str, Any]
    schema: FeatureSchema = SCHEMA
    rows: int = 48

    @property
    def factory(self) -> Callable[..., Any]:
        return partial(self.cls, self.schema, **self.init_kwargs)

    @property
    def batch(self) -> tuple[Any, Any, Any]:
        x, y = make_batch(self.schema, self.rows)
        ones = np.ones(self.rows, "float32")
        weights = {
            # A label counts only where what it is observed by is 1.
            label.name: y[label.observed_if] if label.observed_if else ones
            for label in self.schema.labels
        }
        return x, y, weights


# Metrics -------------------------------------------------------------------------

ROWS = 24
# Few distinct logits, far apart: binned metrics are exact on them, and some tie.
LOGITS = _RNG.choice(np.array([-4.0, -2.5, -1.0, -0.25, 0.5, 2.0], "float32"), ROWS)
PREDICTIONS = {
    "y_true": _RNG.permutation(np.repeat([0.0, 1.0], ROWS // 2)).astype("float32"),
    "y_pred": LOGITS,
}
PROBABILITIES = {**PREDICTIONS, "y_pred": (1 / (1 + np.exp(-LOGITS))).astype("float32")}
GROUPS = np.array([11, 2**60, -5, 11])[np.arange(ROWS) % 4]


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits.astype("float64")))


def _log_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return -np.log(np.where(y == 1, p, 1 - p))


def pairwise_auc(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    """AUC by its definition: every positive against every negative."""
    won = total = 0.0
    for i in np.flatnonzero(y_true == 1):
        for j in np.flatnonzero(y_true == 0):
            weight = sample_weight[i] * sample_weight[j]
            total += weight
            won += weight * ((y_pred[i] > y_pred[j]) + 0.5 * (y_pred[i] == y_pred[j]))
    return won / total if total else float("nan")


def auc_by_group(y_true: Any, y_pred: Any, group: Any, sample_weight: Any) -> float:
    """Grouped AUC by its definition, one user after the other."""
    won = total = 0.0
    for user in set(group.tolist()):
        mine = group == user
        auc = pairwise_auc(y_true[mine], y_pred[mine], sample_weight[mine])
        if not np.isnan(auc):
            won += auc * sample_weight[mine].sum()
            total += sample_weight[mine].sum()
    return won / total if total else float("nan")


def _log_loss(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    return np.average(_log_losses(y_true, _sigmoid(y_pred)), weights=sample_weight)


def _log_loss_of_probabilities(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    return np.average(_log_losses(y_true, y_pred), weights=sample_weight)


def _normalized_entropy(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    rate = np.average(y_true, weights=sample_weight)
    base = np.average(_log_losses(y_true, rate), weights=sample_weight)
    return _log_loss(y_true, y_pred, sample_weight) / base


def _calibration_ratio(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    return (sample_weight * _sigmoid(y_pred)).sum() / (sample_weight * y_true).sum()


def _error_of_three_bins(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    """Puts each distinct logit whole into the third in which its middle lies."""
    total, before, gaps = sample_weight.sum(), 0.0, np.zeros(3)
    for logit in np.unique(y_pred):
        weight = sample_weight * (y_pred == logit)
        place = int(3 * (before + weight.sum() / 2) / total)
        gaps[place] += (weight * (_sigmoid(y_pred) - y_true)).sum()
        before += weight.sum()
    return np.abs(gaps).sum() / total


def _value_ratio(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    return (sample_weight * y_pred).sum() / (sample_weight * y_true).sum()


def _value_ratio_of_logarithms(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    return _value_ratio(y_true, np.exp(y_pred.astype("float64")), sample_weight)


def _mean_value_error(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    return np.average(np.abs(y_true - y_pred), weights=sample_weight)


VALUES = {
    "y_true": np.where(np.arange(ROWS) % 3, 0, np.arange(ROWS)).astype("float32"),
    "y_pred": np.arange(ROWS, dtype="float32")[::-1] / 4,
}

METRICS = [
    MetricSpecimen(
        metrics.ValueRatio,
        {"from_logits": False, "name": "ratio"},
        VALUES,
        _value_ratio,
    ),
    MetricSpecimen(
        metrics.ValueRatio, {"name": "logs"}, VALUES, _value_ratio_of_logarithms
    ),
    MetricSpecimen(
        metrics.MeanValueError,
        {"from_logits": False, "name": "error"},
        VALUES,
        _mean_value_error,
    ),
    MetricSpecimen(metrics.AUC, {"num_thresholds": 500}, PREDICTIONS, pairwise_auc),
    MetricSpecimen(
        metrics.AUC,
        {"from_logits": False, "name": "area"},
        PROBABILITIES,
        pairwise_auc,
    ),
    MetricSpecimen(
        metrics.GroupedAUC,
        {"name": "by_user"},
        {**PREDICTIONS, "group": GROUPS},
        auc_by_group,
        # Examples cannot be summed over replicas, so no Keras variable holds them.
        {"keeps_state_in_variables": False},
    ),
    MetricSpecimen(
        metrics.GroupedAUC,
        {"from_logits": False},
        {**PROBABILITIES, "group": GROUPS},
        auc_by_group,
        {"keeps_state_in_variables": False},
    ),
    MetricSpecimen(metrics.LogLoss, {"name": "nats"}, PREDICTIONS, _log_loss),
    MetricSpecimen(
        metrics.LogLoss,
        {"from_logits": False},
        PROBABILITIES,
        _log_loss_of_probabilities,
    ),
    MetricSpecimen(
        metrics.NormalizedEntropy, {"name": "ne"}, PREDICTIONS, _normalized_entropy
    ),
    MetricSpecimen(
        metrics.CalibrationRatio, {"name": "ratio"}, PREDICTIONS, _calibration_ratio
    ),
    MetricSpecimen(
        metrics.ExpectedCalibrationError,
        {"num_bins": 3, "name": "ece"},
        PREDICTIONS,
        _error_of_three_bins,
    ),
]

LOSSES = [
    LossSpecimen(
        losses.BinaryCrossEntropy,
        {"reduction": reduction, "name": "cost"},
        PREDICTIONS["y_true"],
        LOGITS,
    )
    for reduction in ("sum_over_batch_size", "mean_with_sample_weight")
] + [
    LossSpecimen(
        losses.FocalCrossEntropy,
        {"gamma": 1.5, "alpha": 0.3, "name": "cost"},
        PREDICTIONS["y_true"],
        LOGITS,
    ),
    LossSpecimen(
        losses.WeightedLosses,
        {
            "losses": {"binary_cross_entropy": 0.5, "focal_cross_entropy": 2.0},
            "name": "cost",
        },
        PREDICTIONS["y_true"],
        LOGITS,
    ),
]

# Layers --------------------------------------------------------------------------

INPUTS = make_batch(SCHEMA, 16)[0]
# Unix times have no vector, so the fields of a collection lack these.
FIELDS = {
    name: values.shape
    for name, values in INPUTS.items()
    if name not in ("group_id", "time", "history_time")
}
TABLES = {
    # user, gender, item, genres, device, action, hours, weekdays
    "table/embeddings": (9 + 4 + 12 + 6 + 5 + 4 + 25 + 8, 4),
    "scale_age/kernel": (1, 4),
    "scale_price/kernel": (1, 4),
    "scale_title_vector/kernel": (5, 4),
    "scale_history_price/kernel": (1, 4),
}

# Names and shapes of `inputs W(condition) + bias` at width 6, 5 units and rank 3.
GENERATOR = {"generator/hidden/dense_0/kernel": (4, 7)}
GENERATOR |= {"generator/hidden/dense_0/bias": (7,)}
CORE = {"generator/output/kernel": (7, 9), "generator/output/bias": (9,)}
FACTORS = 6 * 3 + 3 * 3 + 3 * 5
OPTIONS = {
    "units": 5,
    "activation": "tanh",
    "generator": layers.GeneratorConfig(units=[7], start="static"),
    "seed": 3,
}
OVER_PARAMETERIZED = {
    "input_factor_left": (6, 4),
    "input_factor_right": (4, 3),
    "output_factor_left": (3, 4),
    "output_factor_right": (4, 5),
}


def _adaptive(cls: Any, weights: Mapping[str, Any], **options: Any) -> LayerSpecimen:
    return LayerSpecimen(
        cls,
        {**OPTIONS, **options},
        {"inputs": _floats(4, 6), "condition": _floats(4, 4)},
        (4, 5),
        {**GENERATOR, **weights, "bias": (5,)},
    )


ADAPTIVE_LAYERS = [
    _adaptive(
        layers.FullAdaptiveDense,
        {"generator/output/kernel": (7, 30), "generator/output/bias": (30,)},
    ),
    *(
        _adaptive(
            cls,
            {
                "generator/output/kernel": (7, FACTORS),
                "generator/output/bias": (FACTORS,),
            },
            rank=3,
        )
        for cls in (layers.RebuiltAdaptiveDense, layers.DecomposedAdaptiveDense)
    ),
    _adaptive(
        layers.SharedAdaptiveDense,
        {**CORE, "input_factor": (6, 3), "output_factor": (3, 5)},
        rank=3,
    ),
    _adaptive(
        layers.OverParameterizedAdaptiveDense,
        {**CORE, **OVER_PARAMETERIZED},
        rank=3,
        inner_width=4,
    ),
    LayerSpecimen(
        layers.ParameterGenerator,
        {"shapes": {"core": [2, 2], "kernel": [3]}, "seed": 3},
        {"condition": _floats(4, 2, 6), "condition_weights": _floats(4, 2)},
        {"core": (4, 2, 2), "kernel": (4, 3)},
        {"output/kernel": (6, 7), "output/bias": (7,)},
    ),
    LayerSpecimen(
        layers.ConditionAttention,
        {"units": 5, "seed": 3},
        {"conditions": _floats(4, 3, 6)},
        (4, 6),
        {"kernel": (6, 5), "bias": (5,), "score": (5, 1)},
    ),
    LayerSpecimen(
        layers.AdaptiveMLP,
        {
            "hidden_units": [16, 8],
            "apg": layers.APG(["a", "b"], rank=2, aggregation="output_attention"),
            "activation": "tanh",
            "dropout": 0.3,
            "seed": 3,
        },
        {"inputs": _floats(4, 12), "conditions": _floats(4, 2, 5)},
        (4, 8),
        {
            "attention/kernel": (5, 16),
            "attention/bias": (16,),
            "attention/score": (16, 1),
            "dense_0/generator/output/kernel": (5, 4),
            "dense_0/generator/output/bias": (4,),
            "dense_0/input_factor": (12, 2),
            "dense_0/output_factor": (2, 16),
            "dense_0/bias": (16,),
            "dense_1/generator/output/kernel": (5, 4),
            "dense_1/generator/output/bias": (4,),
            "dense_1/input_factor": (16, 2),
            "dense_1/output_factor": (2, 8),
            "dense_1/bias": (8,),
        },
    ),
]


TIMES = _RNG.integers(1_600_000_000, 1_700_000_000, (3, 5))


def _scorer(
    dim: int, units: int, second: int, prefix: str = ""
) -> dict[str, tuple[int, ...]]:
    """Weights of a scoring MLP of two layers."""
    shapes = {
        "query_kernel": (dim, units),
        "key_kernel": (dim, units),
        "product_kernel": (dim, units),
        "bias_0": (units,),
        "kernel_1": (units, second),
        "bias_1": (second,),
        "kernel_2": (second, 1),
    }
    return {prefix + name: shape for name, shape in shapes.items()}


def _lstm(
    dim: int, units: int, intervals: int, recency: int
) -> dict[str, tuple[int, ...]]:
    """Weights of a time-aware LSTM."""
    return {
        "kernel": (dim, 4 * units),
        "bias": (4 * units,),
        "time_kernel": (dim, 2 * units),
        "time_bias": (2 * units,),
        "recurrent_kernel": (units, 4 * units),
        "recency_kernel": (recency, units),
        "recency_bias": (units,),
        "recency_gate": (units, units),
        "recency_output": (units, units),
        "interval_kernel": (intervals, units),
        "interval_bias": (units,),
        "interval_gate": (units, units),
        "interval_output": (units, units),
    }


LAYERS: list[LayerSpecimen] = [
    LayerSpecimen(
        layers.EmbeddingTable,
        {"num_rows": 7, "dim": 4},
        {"ids": np.array([[1, 2, 3], [4, 5, 6], [0, 0, 1]], "int32")},
        (3, 3, 4),
        {"embeddings": (7, 4)},
    ),
    LayerSpecimen(
        layers.EmbeddingCollection,
        {"schema": SCHEMA, "dim": 4, "stddev": 0.2, "seed": 3},
        {"inputs": INPUTS},
        {
            name: (*shape, 4) if name not in ("genres", "title_vector") else (16, 4)
            for name, shape in FIELDS.items()
        },
        TABLES,
    ),
    LayerSpecimen(
        layers.EmbeddingCollection,
        {"schema": SCHEMA, "dim": 4, "only": ["user_id", "device"], "seed": 3},
        {"inputs": {name: INPUTS[name] for name in ("user_id", "device")}},
        {"user_id": (16, 4), "device": (16, 4)},
        {"table/embeddings": (9 + 5, 4)},
    ),
    LayerSpecimen(
        layers.PooledEmbeddings,
        {"schema": SCHEMA, "dim": 4, "stddev": 0.2, "seed": 3},
        {"inputs": INPUTS},
        (16, len(FIELDS), 4),
        TABLES,
    ),
    LayerSpecimen(
        layers.MLP,
        {"hidden_units": [5, 2], "activation": "tanh", "dropout": 0.3, "seed": 3},
        {"inputs": _floats(4, 3)},
        (4, 2),
        {
            "dense_0/kernel": (3, 5),
            "dense_0/bias": (5,),
            "dense_1/kernel": (5, 2),
            "dense_1/bias": (2,),
        },
    ),
    *ADAPTIVE_LAYERS,
    LayerSpecimen(
        layers.CrossNetwork,
        {"num_layers": 2, "seed": 3},
        {"inputs": _floats(4, 3)},
        (4, 3),
        {"kernel_0": (3, 3), "bias_0": (3,), "kernel_1": (3, 3), "bias_1": (3,)},
    ),
    LayerSpecimen(
        layers.CrossNetwork,
        {"num_layers": 1, "rank": 2},
        {"inputs": _floats(4, 3)},
        (4, 3),
        {"projection_0": (3, 2), "kernel_0": (2, 3), "bias_0": (3,)},
    ),
    LayerSpecimen(
        layers.FactorizationMachine, {}, {"fields": _floats(5, 3, 4)}, (5, 1), {}
    ),
    LayerSpecimen(layers.InnerProducts, {}, {"fields": _floats(5, 3, 4)}, (5, 3), {}),
    LayerSpecimen(
        layers.SqueezeExcitation,
        {"reduction_ratio": 2, "seed": 3},
        {"fields": _floats(6, 5, 4)},
        (6, 5, 4),
        {"squeeze_kernel": (5, 2), "excite_kernel": (2, 5)},
    ),
    *[
        LayerSpecimen(
            layers.BilinearInteraction,
            {"bilinear_type": kind, "seed": 3},
            {"fields": _floats(6, 4, 5)},
            (6, 6, 5),
            {"kernel": (count, 5, 5)},
        )
        for kind, count in (("all", 1), ("interaction", 6))
    ],
    LayerSpecimen(
        layers.CompressedInteraction,
        {"num_feature_maps": [4, 2], "activation": "tanh", "seed": 3},
        {"fields": _floats(6, 3, 5)},
        (6, 6),
        {"kernel_0": (9, 4), "kernel_1": (12, 2)},
    ),
    LayerSpecimen(
        layers.FieldAttention,
        {"num_heads": 3, "head_dim": 2, "seed": 3},
        {"fields": _floats(7, 5, 4)},
        (7, 5, 6),
        {f"{part}_kernel": (4, 6) for part in ("query", "key", "value", "residual")},
    ),
    *[
        LayerSpecimen(
            cls,
            {"num_outputs": 2, "seed": 3, **arguments},
            {"fields": _floats(6, 4, 4)},
            (6, 2, 4),
            {"output_kernel": output, **weights},
        )
        for cls, arguments, output, weights in (
            (layers.LinearModule, {}, (4, 2), {}),
            (layers.FactorizationModule, {}, (4, 8), {}),
            (
                layers.MLPModule,
                {"hidden_units": [5], "dropout": 0.5},
                (5, 8),
                {"mlp/dense_0/kernel": (16, 5), "mlp/dense_0/bias": (5,)},
            ),
            (
                layers.DotModule,
                {"hidden_units": [5]},
                (5, 8),
                {"mlp/dense_0/kernel": (6, 5), "mlp/dense_0/bias": (5,)},
            ),
            (
                layers.CrossModule,
                {"num_layers": 2, "rank": 3},
                (16, 8),
                {
                    name: shape
                    for place in (0, 1)
                    for name, shape in (
                        (f"kernel_{place}_0", (16, 3)),
                        (f"kernel_{place}_1", (3, 16)),
                        (f"bias_{place}", (16,)),
                    )
                },
            ),
            (
                layers.ConvolutionModule,
                {"kernel_size": 2, "num_filters": 3},
                (12, 2),
                {"kernel": (2, 2, 1, 3)},
            ),
            (
                layers.TransformerModule,
                {"num_heads": 2, "feedforward_units": 5},
                (4, 2),
                {
                    "query_kernel": (4, 4),
                    "key_kernel": (4, 4),
                    "value_kernel": (4, 4),
                    "attention_output_kernel": (4, 4),
                    "norm_0/gamma": (4,),
                    "norm_0/beta": (4,),
                    "norm_1/gamma": (4,),
                    "norm_1/beta": (4,),
                    "feedforward/dense_0/kernel": (4, 5),
                    "feedforward/dense_0/bias": (5,),
                    "feedforward/dense_1/kernel": (5, 4),
                    "feedforward/dense_1/bias": (4,),
                },
            ),
            (
                layers.MaskModule,
                {"num_blocks": 1, "units": 5, "reduction_ratio": 0.5},
                (5, 8),
                {
                    "norm/gamma": (4,),
                    "norm/beta": (4,),
                    "block_0/aggregation_kernel": (16, 8),
                    "block_0/aggregation_bias": (8,),
                    "block_0/projection_kernel": (8, 16),
                    "block_0/projection_bias": (16,),
                    "block_0/kernel": (16, 5),
                    "block_0/norm/gamma": (5,),
                    "block_0/norm/beta": (5,),
                },
            ),
        )
    ],
    LayerSpecimen(
        layers.MaskBlock,
        {"units": 5, "reduction_ratio": 2.0, "seed": 3},
        {"embeddings": _floats(6, 3), "hidden": _floats(6, 4)},
        (6, 5),
        {
            "aggregation_kernel": (3, 8),
            "aggregation_bias": (8,),
            "projection_kernel": (8, 4),
            "projection_bias": (4,),
            "kernel": (4, 5),
            "norm/gamma": (5,),
            "norm/beta": (5,),
        },
    ),
    LayerSpecimen(
        layers.HierarchicalEnsemble,
        {
            "modules": ["linear", {"module": "dot", "hidden_units": []}],
            "ensemble": "weighted",
            "num_outputs": 3,
            "seed": 3,
        },
        {"fields": _floats(6, 4, 5)},
        (6, 3, 5),
        {
            "module_logits": (2,),
            "linear_0/output_kernel": (4, 3),
            "dot_1/output_kernel": (6, 15),
            "shortcut/output_kernel": (4, 3),
            "norm/gamma": (5,),
            "norm/beta": (5,),
        },
    ),
    LayerSpecimen(
        layers.ModalProjection,
        {"dim": 4, "seed": 3},
        {"vectors": _floats(6, 3, 5) * np.repeat([1, 0, 1], 5).reshape(3, 5)},
        (6, 3, 4),
        {"kernel": (5, 4), "bias": (4,), "stand_in": (4,)},
    ),
    LayerSpecimen(
        layers.ModalExperts,
        {"seed": 3},
        {"interests": _floats(6, 2, 4)},
        {"special": (6, 2, 4), "common": (6, 2, 4)},
        {
            f"{kind}_{place}/dense_{layer}/{name}": shape
            for kind in ("special", "common")
            for place in range(2)
            for layer, name, shape in (
                (0, "kernel", (4, 8)),
                (0, "bias", (8,)),
                (1, "kernel", (8, 4)),
                (1, "bias", (4,)),
            )
        },
    ),
    LayerSpecimen(
        layers.ModalSynergy,
        {"num_steps": 2, "num_heads": 2, "noise": False, "seed": 3},
        {"inputs": _floats(6, 3, 4)},
        (6, 4),
        {
            **{f"{part}_kernel": (6, 4, 4) for part in ("query", "key", "value")},
            "attention_gains": (6,),
            "pair_logits": (6,),
            "mlp/dense_0/kernel": (12, 8),
            "mlp/dense_0/bias": (8,),
            "mlp/dense_1/kernel": (8, 4),
            "mlp/dense_1/bias": (4,),
        },
    ),
    LayerSpecimen(
        layers.ModalFusion,
        {"num_cross_layers": 1, "seed": 3},
        {"entries": _floats(6, 3, 4), "target": _floats(6, 4)},
        (6, 16),
        {
            **{f"{part}_kernel": (4, 4) for part in ("query", "key", "value")},
            "gate/dense_0/kernel": (4, 8),
            "gate/dense_0/bias": (8,),
            "gate/dense_1/kernel": (8, 12),
            "gate/dense_1/bias": (12,),
            "cross/kernel_0": (12, 12),
            "cross/bias_0": (12,),
        },
    ),
    LayerSpecimen(
        layers.ModalTable,
        {"num_rows": 7, "width": 4, "trainable_rows": True},
        {"ids": _RNG.integers(0, 7, (6, 3)).astype("int32")},
        (6, 3, 4),
        {"vectors": (7, 4)},
    ),
    LayerSpecimen(
        layers.ExpertMixture,
        {"tasks": ["click", "buy"], "num_experts": 3, "hidden_units": [4], "seed": 3},
        {"inputs": _floats(6, 5)},
        (6, 2, 4),
        {
            **{f"gate_{task}_kernel": (5, 3) for task in ("click", "buy")},
            **{
                f"expert_{place}/dense_0/{name}": shape
                for place in range(3)
                for name, shape in (("kernel", (5, 4)), ("bias", (4,)))
            },
        },
    ),
    LayerSpecimen(
        layers.ProgressiveExtraction,
        {
            "tasks": ["click", "buy"],
            "num_task_experts": 1,
            "num_shared_experts": 2,
            "hidden_units": [4],
            "seed": 3,
        },
        {"inputs": _floats(6, 3, 5)},
        (6, 3, 4),
        {
            "gate_click_kernel": (5, 3),
            "gate_buy_kernel": (5, 3),
            "gate_shared_kernel": (5, 4),
            **{
                f"expert_{expert}/dense_0/{name}": shape
                for expert in ("click_0", "buy_0", "shared_0", "shared_1")
                for name, shape in (("kernel", (5, 4)), ("bias", (4,)))
            },
        },
    ),
    LayerSpecimen(
        layers.TaskTowers,
        {"tasks": ["click", "buy"], "hidden_units": [4], "seed": 3},
        {"inputs": _floats(6, 5)},
        (6, 2),
        {
            f"{part}_{task}{name}": shape
            for task in ("click", "buy")
            for part, name, shape in (
                ("tower", "/dense_0/kernel", (5, 4)),
                ("tower", "/dense_0/bias", (4,)),
                ("output", "/kernel", (4, 1)),
                ("output", "/bias", (1,)),
            )
        },
        {"mixed_dtype": "float32"},
    ),
    *[
        LayerSpecimen(
            layers.TargetAttention,
            {"hidden_units": [6, 5], "normalization": normalization, "seed": 3},
            {"candidates": _floats(3, 2, 4), "events": _floats(3, 5, 4)},
            (3, 2, 4),
            {
                "candidate_kernel": (4, 6),
                "event_kernel": (4, 6),
                "product_kernel": (4, 6),
                "bias": (6,),
                "scorer/dense_0/kernel": (6, 5),
                "scorer/dense_0/bias": (5,),
                "score/kernel": (5, 1),
                **({"score/bias": (1,)} if normalization == "none" else {}),
            },
        )
        for normalization in ("softmax", "none")
    ],
    LayerSpecimen(
        layers.CalendarEncoding,
        {
            "time_zone": "Europe/Berlin",
            "units": ["year", "hour", "day"],
            "form": "cyclic",
            "scale": "linear",
            "floor_seconds": 30.0,
            "time_points": True,
        },
        {"seconds": TIMES, "reference": TIMES[:, :1]},
        (3, 5, 6),
        {},
        {"mixed_dtype": "float32"},
    ),
    LayerSpecimen(
        layers.IntervalEncoding,
        {
            "time_zone": "Europe/Berlin",
            "units": ["year", "hour"],
            "distance": "plain",
            "scale": "linear",
            "floor_seconds": 30.0,
            "time_points": False,
        },
        {"first": TIMES, "second": TIMES[:, :1]},
        (3, 5, 3),
        {},
        {"mixed_dtype": "float32"},
    ),
    LayerSpecimen(
        layers.SoftmaxAttention,
        {"score": "bilinear", "hidden_units": [3], "activation": "tanh", "seed": 3},
        {
            "queries": _floats(3, 2, 6),
            "keys": _floats(3, 5, 4),
            "values": _floats(3, 5, 7),
        },
        (3, 2, 7),
        {"kernel": (6, 4)},
    ),
    LayerSpecimen(
        layers.SoftmaxAttention,
        {"score": "mlp", "hidden_units": [6, 3], "activation": "tanh", "seed": 3},
        {
            "queries": _floats(3, 2, 4),
            "keys": _floats(3, 5, 4),
            "values": _floats(3, 5, 7),
        },
        (3, 2, 7),
        _scorer(4, 6, 3),
    ),
    LayerSpecimen(
        layers.TimeAwareAttention,
        {"score": "mlp", "hidden_units": [6, 3], "activation": "tanh", "seed": 3},
        {
            "candidates": _floats(3, 2, 4),
            "events": _floats(3, 5, 4),
            "request_moment": _floats(3, 7),
            "event_moments": _floats(3, 5, 7),
        },
        (3, 2, 8),
        {
            **_scorer(4, 6, 3, "content/"),
            **_scorer(7, 6, 3, "time/"),
        },
    ),
    LayerSpecimen(
        layers.TimeAwareLSTM,
        {"units": 6, "forget_bias": 0.5, "seed": 3},
        {
            "events": _floats(3, 5, 4),
            "intervals": _floats(3, 5, 2),
            "recency": _floats(3, 5, 7),
        },
        (3, 5, 6),
        _lstm(4, 6, 2, 7),
    ),
    LayerSpecimen(
        layers.InterestGate,
        {"hidden_units": [5], "seed": 3},
        {"long": _floats(4, 3), "short": _floats(4, 3), "context": _floats(4, 2)},
        (4, 3),
        {
            "dense_0/kernel": (8, 5),
            "dense_0/bias": (5,),
            "dense_1/kernel": (5, 3),
            "dense_1/bias": (3,),
        },
    ),
    LayerSpecimen(
        layers.LongShortInterest,
        {
            "settings": layers.InterestSettings.of(
                "author", {"attention_units": [6, 3], "gate_units": [5]}
            ).to_dict(),
            "time_zone": "Asia/Shanghai",
            "seed": 3,
        },
        {
            "candidates": _floats(3, 2, 4),
            "events": _floats(3, 5, 4),
            "event_times": TIMES,
            "request_time": TIMES.max(axis=1) - 10**6,
        },
        (3, 2, 16),
        {
            **_scorer(4, 6, 3, "long/content/"),
            **_scorer(7, 6, 3, "long/time/"),
            **_scorer(4, 6, 3, "short/"),
            **{f"lstm/{name}": shape for name, shape in _lstm(4, 4, 7, 7).items()},
            "gate/dense_0/kernel": (4 + 4 + 4 + 7, 5),
            "gate/dense_0/bias": (5,),
            "gate/dense_1/kernel": (5, 4),
            "gate/dense_1/bias": (4,),
        },
    ),
    *[
        LayerSpecimen(
            layers.EventGRU,
            {"units": 3, "return_sequences": keeps, "seed": 3},
            {"events": _floats(4, 5, 2)},
            (4, 5, 3) if keeps else (4, 3),
            {"kernel": (2, 9), "recurrent_kernel": (3, 9), "bias": (9,)},
        )
        for keeps in (True, False)
    ],
    LayerSpecimen(
        layers.AttentionalGRU,
        {"units": 3, "seed": 3},
        {"events": _floats(4, 5, 2), "attention": abs(_floats(4, 5, 6))},
        (4, 6, 3),
        {"kernel": (2, 9), "recurrent_kernel": (3, 9), "bias": (9,)},
    ),
    LayerSpecimen(
        layers.EventLSTM,
        {"units": 3, "return_sequences": False, "seed": 3},
        {"events": _floats(4, 5, 2)},
        (4, 3),
        {"kernel": (2, 12), "recurrent_kernel": (3, 12), "bias": (12,)},
    ),
    LayerSpecimen(
        layers.TimeGatedLSTM,
        {"units": 3, "return_sequences": False, "seed": 3},
        {"events": _floats(4, 5, 2), "intervals": abs(_floats(4, 5))},
        (4, 3),
        {
            "kernel": (2, 12),
            "recurrent_kernel": (3, 12),
            "bias": (12,),
            "gate_kernel": (2, 6),
            "gate_bias": (6,),
            "gate_interval": (1, 6),
            "output_interval": (1, 3),
        },
    ),
    LayerSpecimen(
        layers.TimeControlledLSTM,
        {"units": 3, "return_sequences": True, "seed": 3},
        {
            "events": _floats(4, 5, 2),
            "intervals": abs(_floats(4, 5)),
            "ages": abs(_floats(4, 5)),
        },
        (4, 5, 3),
        {
            "kernel": (2, 12),
            "recurrent_kernel": (3, 12),
            "bias": (12,),
            "gate_kernel": (2, 6),
            "gate_bias": (6,),
            **{
                f"{name}_{part}": shape
                for name in ("interval", "age")
                for part, shape in (
                    ("kernel", (1, 3)),
                    ("bias", (3,)),
                    ("gate", (3, 3)),
                    ("output", (3, 3)),
                )
            },
        },
    ),
    LayerSpecimen(
        layers.QueryPooling,
        {"units": 3, "seed": 3},
        {"events": _floats(4, 5, 2)},
        (4, 2),
        {"kernel": (2, 3), "query": (3, 1), "bias": (3,)},
    ),
    LayerSpecimen(
        layers.AdditivePooling,
        {"units": 3, "seed": 3},
        {"query": _floats(4, 6), "events": _floats(4, 5, 2)},
        (4, 2),
        {"query_kernel": (6, 3), "event_kernel": (2, 3), "score_kernel": (3, 1)},
    ),
    LayerSpecimen(
        layers.AdaptiveFusion,
        {"hidden_units": [5, 4], "seed": 3},
        {
            "first": _floats(4, 6, 2),
            "second": _floats(4, 6, 2),
            "context": _floats(4, 6, 3),
        },
        (4, 6, 2),
        {
            "mlp/dense_0/kernel": (7, 5),
            "mlp/dense_0/bias": (5,),
            "mlp/dense_1/kernel": (5, 4),
            "mlp/dense_1/bias": (4,),
            "balance/kernel": (4, 1),
            "balance/bias": (1,),
        },
    ),
    LayerSpecimen(
        layers.BilinearAttention,
        {"seed": 3},
        {"candidates": _floats(3, 2, 4), "events": _floats(3, 5, 6)},
        (3, 5, 2),
        {"kernel": (4, 6)},
        {"mixed_dtype": "float32"},
    ),
]

HEAD_INPUTS = {
    "interests": _floats(3, 4, 6),
    "items": _floats(3, 4, 5),
    "users": _floats(3, 5),
}
QUANTIZED = {
    "codes": (3, 4, 2),
    "quantized": (3, 4, 6),
    "residual": (3, 4, 6),
    "loss": (3, 4),
}
ATTENTION = {
    "query_kernel": (6, 8),
    "key_kernel": (7, 8),
    "value_kernel": (7, 8),
    "output_kernel": (8, 8),
}
LAYERS += [
    *[
        LayerSpecimen(
            layers.EventAttention,
            {"dim": 8, "num_heads": 2, "kernel": kernel, "seed": 3},
            {"queries": _floats(3, 4, 6), "events": _floats(3, 5, 7)},
            (3, 4, 8),
            ATTENTION,
        )
        for kernel in ("softmax", "linear")
    ],
    LayerSpecimen(
        layers.CodebookAttention,
        {"dim": 8, "num_heads": 2, "kernel": "linear", "seed": 3},
        {"codebooks": _floats(3, 2, 4, 6), "events": _floats(3, 5, 7)},
        (3, 2, 4, 8),
        ATTENTION,
    ),
    LayerSpecimen(
        layers.ResidualQuantizer,
        {
            "num_levels": 2,
            "num_codes": 5,
            "straight_through": False,
            "commitment": 0.5,
            "stddev": 0.5,
            "revive_below": 0.1,
            "decay": 0.9,
            "seed": 3,
        },
        {"latents": _floats(3, 4, 6)},
        QUANTIZED,
        {"codebooks": (2, 5, 6), "started": (), "usage": (2, 5)},
        # Codes of half precision would not be those that are stored.
        {"mixed_dtype": "float32"},
    ),
    LayerSpecimen(
        layers.ItemAutoencoder,
        {
            "units": [7, 6],
            "quantizer": {"num_levels": 2, "num_codes": 5},
            "norm": 2.0,
            "seed": 3,
        },
        {"rows": _floats(3, 4, 8)},
        {**QUANTIZED, "latents": (3, 4, 6), "decoded": (3, 4, 8)},
        {
            "encoder/dense_0/kernel": (8, 7),
            "encoder/dense_0/bias": (7,),
            "encoder/dense_1/kernel": (7, 6),
            "encoder/dense_1/bias": (6,),
            "quantization/codebooks": (2, 5, 6),
            "quantization/started": (),
            "decoder/dense_0/kernel": (6, 7),
            "decoder/dense_0/bias": (7,),
            "decoder/dense_1/kernel": (7, 8),
            "decoder/dense_1/bias": (8,),
        },
        # A latent that is rounded may have another code.
        {"mixed_dtype": "float32", "mixed_tolerance": None},
    ),
    *[
        LayerSpecimen(
            cls,
            {"units": 2, "hidden_units": [7, 3], "activation": "tanh", "seed": 3},
            HEAD_INPUTS,
            (3, 4, 2),
            {
                "interest_kernel": (6, 7),
                **kernels,
                "bias": (7,),
                "mlp/dense_0/kernel": (7, 3),
                "mlp/dense_0/bias": (3,),
                "mlp/dense_1/kernel": (3, 2),
                "mlp/dense_1/bias": (2,),
            },
        )
        for cls, kernels in (
            (layers.InterestHead, {}),
            (
                layers.TowerHead,
                {"item_kernel": (5, 7), "user_kernel": (5, 7), "scale": (2,)},
            ),
        )
    ],
    LayerSpecimen(
        layers.AdditiveHead,
        {"units": 2, "seed": 3},
        HEAD_INPUTS,
        (3, 4, 2),
        {"kernel": (6, 2), "scale": (2,), "bias": (2,)},
    ),
]

BLOCK = layers.HSTUSettings.of(
    "ranking",
    {
        "num_heads": 3,
        "query_dim": 4,
        "value_dim": 2,
        "divisor": 5.0,
        "position_bias": True,
        "time_bias": True,
        "max_distance": 3,
        "num_time_buckets": 60,
        "dropout": 0.3,
    },
).to_dict()
BLOCK_WEIGHTS = {
    "input_norm/gamma": (6,),
    "input_norm/beta": (6,),
    "uqkv/kernel": (6, 36),
    "uqkv/bias": (36,),
    "bias/positions": (4,),
    "bias/times": (61,),
    "result_norm/gamma": (6,),
    "result_norm/beta": (6,),
    "output/kernel": (18, 6),
    "output/bias": (6,),
}
LAYERS += [
    LayerSpecimen(
        layers.HSTUBlock,
        {"settings": BLOCK, "seed": 3},
        {"tokens": _floats(3, 5, 6), "times": np.sort(TIMES, axis=1)},
        (3, 5, 6),
        BLOCK_WEIGHTS,
    ),
    LayerSpecimen(
        layers.DualFlowBlock,
        {"settings": BLOCK, "seed": 3},
        {
            "tokens": _floats(3, 5, 6),
            "fake": _floats(3, 4, 6),
            "visible": np.array([[0, 1, 2, 2], [0, 0, 0, 3], [5, 4, 3, 1]], "int32"),
            "times": np.sort(TIMES, axis=1),
            "fake_times": TIMES[:, :4],
        },
        {"real": (3, 5, 6), "fake": (3, 4, 6)},
        BLOCK_WEIGHTS,
    ),
    LayerSpecimen(
        layers.CausalSoftmaxBlock,
        {"num_heads": 3, "dropout": 0.3, "seed": 3},
        {"tokens": _floats(3, 5, 6)},
        (3, 5, 6),
        SOFTMAX_BLOCK,
    ),
    LayerSpecimen(
        layers.CausalEncoder,
        {"max_length": 4, "num_heads": 3, "dropout": 0.3, "seed": 3},
        {
            "events": _floats(3, 5, 6),
            "length": np.array([5, 2, 0]),
            "ages": _RNG.integers(-1, 72, (3, 5)),
        },
        (3, 5, 6),
        {
            "places": (4, 6),
            "ages": (73, 6),
            "norm/gamma": (6,),
            "norm/beta": (6,),
            **{f"block_0/{name}": shape for name, shape in SOFTMAX_BLOCK.items()},
        },
    ),
    LayerSpecimen(
        layers.NextActionLoss,
        {"horizon": 2, "num_negatives": 6, "seed": 3},
        {
            "states": _floats(3, 5, 4),
            "events": _floats(3, 5, 6),
            "ids": _RNG.integers(1, 9, (3, 5)),
            "length": np.array([5, 2, 0]),
        },
        (3,),
        {"kernel_1": (4, 6), "kernel_2": (4, 6)},
        {"mixed_dtype": "float32", "rows_are_independent": False},
    ),
    LayerSpecimen(
        layers.RelativeBias,
        {"max_distance": 3, "num_time_buckets": 7, "seed": 3},
        {
            "places": np.array([[0, 1, 5]] * 2, "int32"),
            "buckets": _RNG.integers(-1, 8, (2, 3, 6)).astype("int32"),
        },
        (2, 3, 6),
        {"positions": (4,), "times": (8,)},
        {"mixed_dtype": "float32"},
    ),
    *[
        LayerSpecimen(
            layers.ActionEmbedding,
            {"num_actions": 5, "dim": 3, "is_multiple": is_multiple, "seed": 3},
            {"actions": actions, "is_known": np.array([[True, False]] * 4)},
            (4, 2, 12 if is_multiple else 3),
            {
                "rows": (4 if is_multiple else 5, 3),
                "unknown": (12 if is_multiple else 3,),
            },
        )
        for is_multiple, actions in (
            (False, np.array([[1, 0], [4, 3], [2, 2], [0, 1]], "int32")),
            (True, np.array([[[1, 4], [0, 0]]] * 4, "int32")),
        )
    ],
]

# Models --------------------------------------------------------------------------

MODELS = [
    ModelSpecimen(models.LogisticRegression, {}),
    ModelSpecimen(models.DeepFM, {"dim": 4, "hidden_units": [16, 8]}),
    ModelSpecimen(
        models.DCNv2,
        {"dim": 4, "num_cross_layers": 2, "rank": 3, "hidden_units": [16, 8]},
    ),
    ModelSpecimen(
        models.DIN, {"dim": 4, "attention_units": [8, 4], "hidden_units": [16, 8]}
    ),
    # Two of many: the others are held to fewer laws in tests/models/towers_test.py.
    ModelSpecimen(
        models.DeepFM,
        {
            "dim": 4,
            "hidden_units": [16, 8],
            "apg": layers.APG(
                ["user_id", "item_id"], over_parameterization=4, rank=2, start="static"
            ),
        },
        FEW,
    ),
    ModelSpecimen(
        models.DIN,
        {
            "dim": 4,
            "attention_units": [8, 4],
            "hidden_units": [16, 8],
            "apg": layers.APG(
                ["user_id", "age"],
                rank=1,
                version="v3",
                aggregation="attention",
                start="static",
            ),
        },
        FEW,
    ),
    ModelSpecimen(models.WDL, {"dim": 4, "hidden_units": [8]}, FEW),
    ModelSpecimen(models.PNN, {"dim": 4, "hidden_units": [8]}, FEW),
    ModelSpecimen(
        models.FiBiNET,
        {"dim": 4, "reduction_ratio": 2, "bilinear_type": "all", "hidden_units": [8]},
        FEW,
    ),
    ModelSpecimen(
        models.xDeepFM, {"dim": 4, "num_feature_maps": [3], "hidden_units": [8]}, FEW
    ),
    ModelSpecimen(
        models.AutoInt,
        {
            "dim": 4,
            "num_attention_layers": 1,
            "num_heads": 3,
            "head_dim": 2,
            "hidden_units": [8],
        },
        FEW,
    ),
    ModelSpecimen(
        models.SharedBottom,
        {"dim": 4, "bottom_units": [8], "hidden_units": [6]},
        FEW,
    ),
    ModelSpecimen(models.ESMM, {"dim": 4, "hidden_units": [8]}, FEW),
    ModelSpecimen(
        models.MMoE,
        {"dim": 4, "num_experts": 2, "expert_units": [8], "hidden_units": [6]},
        FEW,
    ),
    ModelSpecimen(
        models.PLE,
        {
            "dim": 4,
            "num_task_experts": 1,
            "expert_units": [8],
            "hidden_units": [6],
            "seed": 1,
        },
        FEW,
    ),
    ModelSpecimen(
        models.DHEN,
        {
            "dim": 4,
            "layers": [
                [{"module": "mlp", "hidden_units": [6]}, "transformer"],
                [
                    {"module": "mlp", "hidden_units": [6]},
                    {"module": "mask", "units": 5},
                ],
            ],
            "hidden_units": [8],
        },
        FEW,
    ),
    ModelSpecimen(
        models.DHEN,
        {
            "dim": 4,
            "layers": [["linear", "factorization"]],
            "hidden_units": [8],
            # Draws of XLA are others.
            "sequences": {"next_action_weight": 0.5, "num_negatives": None},
        },
        HISTORIES,
    ),
    ModelSpecimen(
        models.DiffMSIN,
        {
            "dim": 4,
            "attention_units": [5],
            "hidden_units": [8],
            "num_steps": 2,
            "num_heads": 2,
            "num_cross_layers": 1,
            "noise": False,
        },
        FEW_WITH_PICTURES,
    ),
    ModelSpecimen(
        models.ModalBaseline,
        {
            "dim": 4,
            "fusion": "experts",
            "joint_attention": True,
            "attention_units": [5],
            "hidden_units": [8],
        },
        FEW_WITH_PICTURES,
    ),
    ModelSpecimen(
        models.TLSI,
        {
            "variant": "longer",
            "preset": "author",
            "settings": {"attention_units": [8, 4], "gate_units": [5]},
            "dim": 4,
            "hidden_units": [16, 8],
        },
    ),
    *[
        ModelSpecimen(cls, {"dim": 3, "hidden_units": [8], **arguments}, HISTORIES, 24)
        for cls, arguments in (
            (models.DIEN, {"auxiliary_weight": 0.5}),
            (models.NARM, {"attention_units": 4}),
            (models.LSTMPlusPlus, {"query_units": 4, "gate_units": [5]}),
            (models.TimeLSTM, {}),
            (
                models.SLiRec,
                {"attention_units": [6], "query_units": 4, "gate_units": [5]},
            ),
        )
    ],
    *[
        ModelSpecimen(
            cls,
            {"dim": 8, "embedding_dim": 4, "hidden_units": [8], **arguments},
            HISTORIES,
            24,
        )
        for cls, arguments in (
            (models.DFGR, {"settings": {"attention": "softmax", "divisor": 3.0}}),
            (models.HSTU, {"num_blocks": 1}),
            (models.MetaGR, {"num_blocks": 1}),
            (models.SFGR, {"num_blocks": 1}),
            (models.SASRec, {"num_blocks": 1, "num_heads": 1}),
        )
    ],
    ModelSpecimen(
        models.TARQ,
        {
            "variant": "full",
            "settings": {
                "num_levels": 2,
                "num_codes": 4,
                "code_dim": 5,
                "attention_dim": 6,
                "num_heads": 3,
                "vector_dim": 7,
                "teacher_units": [8],
            },
            "head": "tower",
            "dim": 4,
            "hidden_units": [16],
        },
        FEW,
    ),
    ModelSpecimen(models.TwoTower, {"dim": 4, "vector_dim": 6, "hidden_units": [16]}),
    ModelSpecimen(
        models.VectorProduct,
        {"dim": 4, "vector_dim": 6, "hidden_units": [16]},
        FEW,
    ),
    ModelSpecimen(models.COLD, {"dim": 4, "hidden_units": [16, 8], "seed": 4}, FEW),
    ModelSpecimen(
        models.StoredTargetAttention,
        {"dim": 4, "attention_dim": 6, "num_heads": 2, "hidden_units": [8]},
        FEW,
    ),
]
