"""Loss and metrics that follow from the labels."""

from collections.abc import Iterable

import keras

from tfctr.losses import BinaryCrossEntropy
from tfctr.metrics import AUC, CalibrationRatio, NormalizedEntropy

__all__ = ["default_loss", "default_metrics"]


def default_loss(labels: Iterable[str]) -> dict[str, keras.losses.Loss]:
    """Cross-entropy of each label, averaged over examples that have weight."""
    return {name: BinaryCrossEntropy() for name in labels}


def default_metrics(labels: Iterable[str]) -> dict[str, list[keras.metrics.Metric]]:
    """AUC, normalized entropy and calibration ratio of each label."""
    return {
        name: [
            AUC(name="auc"),
            NormalizedEntropy(name="normalized_entropy"),
            CalibrationRatio(name="calibration_ratio"),
        ]
        for name in labels
    }
