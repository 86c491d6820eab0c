"""Work of IDPretraining."""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import pandas as pd
import tensorflow_transform as tft
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from tfctr import optimizers
from tfctr.data.behaviour import BehaviourSpec
from tfctr.data.reading.encoded import state_digest
from tfctr.errors import InputError
from tfctr.features import FeatureSchema, SchemaState
from tfctr.models import IDPretraining
from tfctr.pipelines.beam.early_positives import TIME, EarlyPositives
from tfctr.pipelines.beam.files import matching_files
from tfctr.pipelines.preprocessing import state_from_transform
from tfctr.training import ResumableTraining
from tfctr.training.pretrained import read_positives, write_pretrained

__all__ = ["Executor", "checkpoint_folder", "pretrain"]


class Executor(base_beam_executor.BaseBeamExecutor):
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
        read_log = None
        if exec_properties["log"]:
            spec, *raw = json.loads(exec_properties["log"])
            log = EarlyPositives.of(schema, BehaviourSpec.from_dict(spec), *raw)
            read_log = functools.partial(
                log.read,
                make_pipeline=self._make_beam_pipeline,
                file=os.path.join(self._get_tmp_dir(), "positives.parquet"),
            )
        pretrain(
            json.loads(exec_properties["settings"]),
            state,
            path_utils.serving_model_dir(tables),
            checkpoints=checkpoint_folder(tables, state, exec_properties),
            read_log=read_log,
        )


def checkpoint_folder(
    tables: str, state: SchemaState, exec_properties: Mapping[str, Any]
) -> Path | None:
    """Where a run that was killed finds what it had learnt; `None` off local disks.

    An execution that TFX repeats writes another artifact, so checkpoints lie beside
    the artifacts, by what the tables follow from.

    Args:
        tables: URI of the artifact.
        state: The vocabularies.
        exec_properties: As in the component.
    """
    if "://" in tables:
        return None
    parts = [exec_properties[name] for name in ("settings", "fingerprint")]
    text = json.dumps([*parts, state_digest(state)])
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Path(tables).parent.parent / "checkpoints" / key


def pretrain(
    settings: Mapping[str, Any],
    state: SchemaState,
    folder: str,
    *,
    checkpoints: Path | None = None,
    read_log: Callable[[list[str]], pd.DataFrame] | None = None,
) -> str:
    """Learns tables from positives and writes them.

    Args:
        settings: Fields of `IDPretrainingConfig`.
        state: Vocabularies, those of the heads.
        folder: Folder to write.
        checkpoints: Folder for checkpoints: a run that was killed goes on from the
            last one there. It is removed, with others beside it, when the tables are
            written.
        read_log: Gives positives of the pipeline's own log with the columns that are
            named and `TIME`; instead of files.

    Returns:
        The fingerprint of the tables.
    """
    model = IDPretraining(state.schema, seed=settings["seed"], **settings["arguments"])
    if read_log is not None:
        surfaces, label, time = {"log": read_log(model.needed)}, None, TIME
    else:
        surfaces = _surfaces(settings["positives"], state.schema)
        label, time = settings["label"], settings["time"]
    positives = read_positives(surfaces, state, model.needed, label=label, time=time)
    if positives.window is None:  # settings name the column of times
        raise InputError("id_pretraining.time", received="no times", expected="some")
    keras.utils.set_random_seed(settings["seed"])
    model.compile(optimizers.default(settings["learning_rate"]))
    if model.logq == "exact":
        model.count_items(positives.x)
    reader = positives.reader(state, settings["batch_size"], seed=settings["seed"])
    resuming = []
    if checkpoints is not None:
        every = settings["checkpoint_every"]
        resuming = [ResumableTraining(checkpoints, reader, every=every)]
    epochs = settings["epochs"]
    model.fit(reader.dataset(), epochs=epochs, callbacks=resuming, verbose=2)
    fingerprint = write_pretrained(model, state, folder, window=positives.window)
    if checkpoints is not None:
        shutil.rmtree(checkpoints.parent, ignore_errors=True)
    return fingerprint


def _surfaces(
    positives: Mapping[str, str], schema: FeatureSchema
) -> dict[str, pd.DataFrame]:
    return {name: _read(name, path, schema) for name, path in positives.items()}


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
