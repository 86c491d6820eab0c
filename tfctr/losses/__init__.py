"""Losses of click prediction: labels and logits of any shape, one loss each."""

from tfctr.losses.binary_cross_entropy import BinaryCrossEntropy

__all__ = ["BinaryCrossEntropy"]
