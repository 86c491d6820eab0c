"""Data sets by name, point-in-time examples from raw tables, and `tf.data` input."""

from tfctr.data.batches import to_dataset
from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.complete_journey import complete_journey, complete_journey_schema
from tfctr.data.complete_journey_campaigns import complete_journey_campaigns
from tfctr.data.complete_journey_promotions import complete_journey_promotions
from tfctr.data.conversions import attribute_conversions, ripeness_of
from tfctr.data.dataset import Dataset
from tfctr.data.encoders import Encoded, encode_images, encode_text
from tfctr.data.examples import build_examples
from tfctr.data.histories import attach_history
from tfctr.data.modal_vectors import vectors_by_row
from tfctr.data.movielens import (
    MOVIELENS_SPEC,
    movielens_100k,
    movielens_schema,
    movielens_tables,
)
from tfctr.data.reading import ExampleReader, read_examples, write_encoded
from tfctr.data.requests import group_requests, to_requests
from tfctr.data.sequence_batches import sequences_to_dataset
from tfctr.data.synthetic import SyntheticDataset, synthetic
from tfctr.data.tables import column_types, read_table
from tfctr.data.user_sequences import build_user_sequences
from tfctr.data.vector_files import read_vectors, write_vectors
from tfctr.features.packing import pack, unpack

__all__ = [
    "MOVIELENS_SPEC",
    "BehaviourSpec",
    "Dataset",
    "Encoded",
    "ExampleReader",
    "LabelRule",
    "SyntheticDataset",
    "attach_history",
    "attribute_conversions",
    "build_examples",
    "build_user_sequences",
    "column_types",
    "complete_journey",
    "complete_journey_campaigns",
    "complete_journey_promotions",
    "complete_journey_schema",
    "encode_images",
    "encode_text",
    "group_requests",
    "movielens_100k",
    "movielens_schema",
    "movielens_tables",
    "pack",
    "read_examples",
    "read_table",
    "read_vectors",
    "ripeness_of",
    "sequences_to_dataset",
    "synthetic",
    "to_dataset",
    "to_requests",
    "unpack",
    "vectors_by_row",
    "write_encoded",
    "write_vectors",
]
