"""Learns tables of ids from positives of an earlier window."""

from tfctr.pipelines.components.id_pretraining.component import IDPretraining

__all__ = ["IDPretraining"]
