"""Losses of click prediction: labels and logits of any shape, one loss each."""

from tfctr.losses.binary_cross_entropy import BinaryCrossEntropy
from tfctr.losses.codebook_alignment import (
    codebook_alignment_loss,
    interest_distillation_loss,
)

__all__ = [
    "BinaryCrossEntropy",
    "codebook_alignment_loss",
    "interest_distillation_loss",
]
