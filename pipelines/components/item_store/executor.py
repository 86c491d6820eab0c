"""Work of ItemStore."""

import json
import os
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
from tfctr.export import ItemTable, item_table, write_saved_model
from tfctr.features import FeatureSchema
from tfctr.pipelines.beam.item_frames import item_frames
from tfctr.pipelines.errors import input_error_in
from tfctr.pipelines.trained import Trained

__all__ = ["EncodeItems", "Executor", "read_item_table"]

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
            table=read_item_table(store),
            items=items,
            top_k=serving["top_k"],
            score=serving["score"],
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
        self.trained = Trained.load(self.trained_folder)

    def process(self, batch: tuple[int, pd.DataFrame]) -> Iterator[str]:
        """Encodes one numbered batch; returns the path of its file."""
        number, items = batch
        table = item_table(self.trained.state, items, self.trained.pre_ranking)
        # Each table begins with the unknown item; the first one's is kept.
        rows = slice(0 if number == 0 else 1, None)
        arrays: dict[str, Any] = {
            f"encoded/{n}": v[rows] for n, v in table.encoded.items()
        }
        arrays |= {f"stored/{n}": v[rows] for n, v in table.stored.items()}
        path = os.path.join(self.store, f"items-{number:05d}.npz")
        np.savez(path, ids=np.array(table.item_ids[rows]), **arrays)
        yield path


def read_item_table(store: str) -> ItemTable:
    """The table that `EncodeItems` wrote in parts."""
    parts = [np.load(path) for path in sorted(Path(store).glob("items-*.npz"))]
    if not parts:
        raise InputError(store, received="no items", expected="files of encoded items")
    ids = [str(item) for part in parts for item in part["ids"]]
    groups: dict[str, dict[str, Any]] = {"encoded": {}, "stored": {}}
    for key in parts[0].files:
        group, _, name = key.partition("/")
        if name:
            groups[group][name] = np.concatenate([part[key] for part in parts])
    return ItemTable(ids, groups["encoded"], groups["stored"])


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
