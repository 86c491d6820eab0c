"""Losses of click prediction: labels and logits of any shape, one loss each."""

from tfctr.losses.binary_cross_entropy import BinaryCrossEntropy
from tfctr.losses.codebook_alignment import (
    codebook_alignment_loss,
    interest_distillation_loss,
)
from tfctr.losses.context_ranking import context_ranking_loss
from tfctr.losses.distillation import (
    listwise_distillation,
    logit_distillation,
    pairwise_distillation,
    pointwise_distillation,
)
from tfctr.losses.focal_cross_entropy import FocalCrossEntropy
from tfctr.losses.in_batch_softmax import in_batch_softmax
from tfctr.losses.modal import knowledge_decoupling_loss, synergy_loss
from tfctr.losses.weighted_losses import WeightedLosses
from tfctr.losses.zero_inflated_log_normal import (
    log_expected_value,
    zero_inflated_log_normal_loss,
)

__all__ = [
    "BinaryCrossEntropy",
    "FocalCrossEntropy",
    "WeightedLosses",
    "codebook_alignment_loss",
    "context_ranking_loss",
    "in_batch_softmax",
    "interest_distillation_loss",
    "knowledge_decoupling_loss",
    "listwise_distillation",
    "log_expected_value",
    "logit_distillation",
    "pairwise_distillation",
    "pointwise_distillation",
    "synergy_loss",
    "zero_inflated_log_normal_loss",
]
