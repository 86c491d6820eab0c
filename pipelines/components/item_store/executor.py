"""Work of ItemStore."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from tfctr.errors import InputError
from tfctr.export import (
    checkpoint_fingerprint,
    item_table,
    read_item_table,
    write_item_table,
    write_saved_model,
)
from tfctr.features import FeatureSchema
from tfctr.pipelines.beam.item_frames import item_frames
from tfctr.pipelines.errors import input_error_in
from tfctr.pipelines.trained import Trained
from tfctr.pipelines.warm_start import TRAINED_ID

__all__ = ["EncodeItems", "Executor"]

ITEMS_IN_A_BATCH = 4096


class Executor(base_beam_executor.BaseBeamExecutor):
    """Encodes the items on Beam's workers, then writes the SavedModel."""

    def Do(  # named by TFX
        self,
        input_dict: Mapping[str, list[Any]],
        output_dict: Mapping[str, list[Any]],
        exec_properties: Mapping[str, Any],
    ) -> None:
        """Writes the encoded items and the model that serves them.

        Args:
            input_dict: Has `trained`.
            output_dict: Has `item_store` and `model`.
            exec_properties: As in the component.

        Raises:
            InputError: An item is wrong, or two have one id.
        """
        trained_folder = path_utils.serving_model_dir(
            artifact_utils.get_single_uri(input_dict["trained"])
        )
        (made_of,), (made,) = input_dict["trained"], output_dict["model"]
        made.set_int_custom_property(TRAINED_ID, made_of.id)
        store = artifact_utils.get_single_uri(output_dict["item_store"])
        model = artifact_utils.get_single_uri(output_dict["model"])
        trained = Trained.load(trained_folder)
        items = _read_items(trained.state.schema, exec_properties)
        self._encode(items, trained_folder, store)
        serving = json.loads(exec_properties["serving"])
        write_saved_model(
            Path(path_utils.serving_model_dir(model)),
            ranking=trained.ranking,
            pre_ranking=trained.pre_ranking,
            state=trained.state,
            table=read_item_table(
                store, checkpoint_fingerprint(trained.pre_ranking, trained.state)
            ),
            items=items,
            top_k=serving["top_k"],
            score=serving["score"],
            retrieval_k=serving.get("retrieval_k"),
            table_format=serving.get("table_format", "float32"),
        )

    def _encode(self, items: pd.DataFrame, trained_folder: str, store: str) -> None:
        """Writes files of encoded items into `store`."""
        try:
            with self._make_beam_pipeline() as pipeline:
                _ = (
                    pipeline
                    | beam.Create(list(_numbered_batches(items)))
                    | beam.Reshuffle()
                    | beam.ParDo(EncodeItems(trained_folder, store))
                )
        except Exception as error:
            found = input_error_in(error)
            if found is None:
                raise
            raise found from error


class EncodeItems(beam.DoFn):
    """Writes a batch of items, encoded and as the pre-ranking head stores them.

    Args:
        trained_folder: Where the heads are.
        store: Folder for the files.
    """

    def __init__(self, trained_folder: str, store: str) -> None:
        super().__init__()
        self.trained_folder, self.store = trained_folder, store

    def setup(self) -> None:
        """Loads the heads once for each worker."""
        self.trained = trained = Trained.load(self.trained_folder)
        self.fingerprint = checkpoint_fingerprint(trained.pre_ranking, trained.state)

    def process(self, batch: tuple[int, pd.DataFrame]) -> Iterator[str]:
        """Encodes one numbered batch; returns the path of its file."""
        number, items = batch
        trained = self.trained
        table = item_table(
            trained.state, items, trained.pre_ranking, fingerprint=self.fingerprint
        )
        yield str(write_item_table(table, self.store, number))


def _read_items(
    schema: FeatureSchema, exec_properties: Mapping[str, Any]
) -> pd.DataFrame:
    frames = item_frames(
        schema,
        exec_properties["items"],
        exec_properties["item_key"],
        list_separator=exec_properties["list_separator"],
    )
    items = pd.concat(list(frames), ignore_index=True)
    _check_unique(items[schema.item_id])
    return items


def _numbered_batches(items: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    for number, start in enumerate(range(0, len(items), ITEMS_IN_A_BATCH)):
        yield number, items.iloc[start : start + ITEMS_IN_A_BATCH]


def _check_unique(ids: "pd.Series[Any]") -> None:
    again: Sequence[int] = np.flatnonzero(ids.duplicated()).tolist()
    for row in again[:1]:
        raise InputError(
            str(ids.name),
            received=f"{ids.iloc[row]!r} twice, again in row {row} of items",
            expected="one row for each id",
        )
