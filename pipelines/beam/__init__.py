"""Beam transforms: raw tables to point-in-time examples, on any runner."""

from tfctr.pipelines.beam.behaviour_examples import BehaviourExamples
from tfctr.pipelines.beam.encode_table import encode_table
from tfctr.pipelines.beam.encoding import EncodeImages, EncodeText, WriteVectors
from tfctr.pipelines.beam.reading import ReadTable
from tfctr.pipelines.beam.tables import RawTable, raw_tables

__all__ = [
    "BehaviourExamples",
    "EncodeImages",
    "EncodeText",
    "RawTable",
    "ReadTable",
    "WriteVectors",
    "encode_table",
    "raw_tables",
]
