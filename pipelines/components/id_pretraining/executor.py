"""Work of IDPretraining."""

import json
from collections.abc import Mapping
from typing import Any

import keras
import pandas as pd
import tensorflow_transform as tft
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from tfctr import optimizers
from tfctr.errors import InputError
from tfctr.features import FeatureSchema, SchemaState
from tfctr.models import IDPretraining
from tfctr.pipelines.beam.files import matching_files
from tfctr.pipelines.preprocessing import state_from_transform
from tfctr.training.pretrained import read_positives, write_pretrained

__all__ = ["Executor", "pretrain"]


class Executor(base_executor.BaseExecutor):
    """Reads positives of all surfaces, trains, writes the tables."""

    def Do(  # named by TFX
        self,
        input_dict: Mapping[str, list[Any]],
        output_dict: Mapping[str, list[Any]],
        exec_properties: Mapping[str, Any],
    ) -> None:
        """Writes the tables.

        Args:
            input_dict: Has `transform_graph`.
            output_dict: Has `tables`.
            exec_properties: As in the component.

        Raises:
            InputError: A file lacks a column, or positives.
        """
        transform = artifact_utils.get_single_uri(input_dict["transform_graph"])
        schema = FeatureSchema.from_json(exec_properties["schema"])
        state = state_from_transform(tft.TFTransformOutput(transform), schema)
        tables = artifact_utils.get_single_uri(output_dict["tables"])
        settings = json.loads(exec_properties["settings"])
        pretrain(settings, state, path_utils.serving_model_dir(tables))


def pretrain(settings: Mapping[str, Any], state: SchemaState, folder: str) -> str:
    """Learns tables from files of positives and writes them.

    Args:
        settings: Fields of `IDPretrainingConfig`.
        state: Vocabularies, those of the heads.
        folder: Folder to write.

    Returns:
        The fingerprint of the tables.
    """
    model = IDPretraining(state.schema, seed=settings["seed"], **settings["arguments"])
    positives = read_positives(
        {
            name: _read(name, path, state.schema)
            for name, path in settings["positives"].items()
        },
        state,
        model.needed,
        label=settings["label"],
        time=settings["time"],
    )
    if positives.window is None:  # settings name the column of times
        raise InputError("id_pretraining.time", received="no times", expected="some")
    keras.utils.set_random_seed(settings["seed"])
    model.compile(optimizers.default(settings["learning_rate"]))
    model.fit(
        positives.x,
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        verbose=2,
    )
    return write_pretrained(model, state, folder, window=positives.window)


def _read(surface: str, pattern: str, schema: FeatureSchema) -> pd.DataFrame:
    parts = [
        pd.read_parquet(path) if str(path).endswith(".parquet") else pd.read_csv(path)
        for path in matching_files(f"id_pretraining.positives.{surface}", pattern)
    ]
    frame = pd.concat(parts, ignore_index=True)
    for column in schema.raw_columns():
        # Ids that are digits are read as numbers.
        name = column.name
        is_there = column.dtype == "string" and name in frame
        if is_there and pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype("Int64").astype(str)
    return frame
