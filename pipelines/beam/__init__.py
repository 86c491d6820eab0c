"""Beam transforms: raw tables to point-in-time examples, on any runner."""

from tfctr.pipelines.beam.behaviour_examples import BehaviourExamples
from tfctr.pipelines.beam.reading import ReadTable
from tfctr.pipelines.beam.tables import RawTable, raw_tables

__all__ = ["BehaviourExamples", "RawTable", "ReadTable", "raw_tables"]
