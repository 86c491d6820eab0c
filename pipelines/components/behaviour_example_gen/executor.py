"""Work of BehaviourExampleGen."""

import json
import os
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from tfx.components.example_gen import write_split
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from tfctr.data.behaviour import SPLITS, BehaviourSpec
from tfctr.features import FeatureSchema
from tfctr.pipelines.beam import BehaviourExamples, raw_tables
from tfctr.pipelines.beam.serializing import SerializeRows, SerializeSequences
from tfctr.pipelines.beam.user_examples import UserExamples
from tfctr.pipelines.beam.user_sequences import UserSequences
from tfctr.pipelines.errors import input_error_in
from tfctr.pipelines.sequence_examples import SEQUENCE_FILES

__all__ = ["Executor"]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the Beam transforms and writes compressed records of `tf.Example`."""

    def Do(  # named by TFX
        self,
        input_dict: Mapping[str, list[Any]],
        output_dict: Mapping[str, list[Any]],
        exec_properties: Mapping[str, Any],
    ) -> None:
        """Writes the splits.

        Args:
            input_dict: Nothing.
            output_dict: Has `examples`.
            exec_properties: As in the component.

        Raises:
            InputError: Names the table, the column and the row that is wrong.
        """
        schema = FeatureSchema.from_json(exec_properties["schema"])
        spec = BehaviourSpec.from_dict(json.loads(exec_properties["behaviour"]))
        tables, sources = raw_tables(
            schema,
            spec,
            json.loads(exec_properties["paths"]),
            list_separator=exec_properties["list_separator"],
        )
        make = UserExamples(schema, spec, sources)
        serialize: Any = SerializeRows(schema)
        file_name = write_split.DEFAULT_FILE_NAME
        if exec_properties["user_sequences"]:
            settings = json.loads(exec_properties["user_sequences"])
            make = UserSequences(schema, spec, sources, **settings)
            serialize, file_name = SerializeSequences(schema), SEQUENCE_FILES
        transform = BehaviourExamples(schema, spec, tables, sources, make)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        try:
            with self._make_beam_pipeline() as pipeline:
                for name, rows in (pipeline | transform).items():
                    folder = artifact_utils.get_split_uri([examples], name)
                    _write(rows, name, serialize, os.path.join(folder, file_name))
        except Exception as error:
            found = input_error_in(error)
            if found is None:
                raise
            raise found from error
        examples_utils.set_payload_format(
            examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE
        )
        examples_utils.set_file_format(examples, "tfrecords_gzip")


def _write(rows: Any, name: str, serialize: Any, prefix: str) -> None:
    _ = (
        rows
        | f"Serialize_{name}" >> serialize
        # Not reshuffled: on one worker the order is then the same in every run.
        # Training shuffles with its own seed.
        | f"Write_{name}" >> beam.io.WriteToTFRecord(prefix, file_name_suffix=".gz")
    )
