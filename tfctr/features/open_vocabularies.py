"""All open vocabularies of a schema, brought up to date with frames of raw data."""

from pathlib import Path
from typing import Any

import numpy as np

from tfctr.errors import InputError, UnknownName
from tfctr.features.columns import Column
from tfctr.features.fitting import text_of
from tfctr.features.frames import dense_column
from tfctr.features.id_map import IdMap, RowChanges
from tfctr.features.schema import FeatureSchema
from tfctr.features.state import SchemaState

__all__ = ["OpenVocabularies"]


class OpenVocabularies:
    """Id maps of a schema's open vocabularies.

    They live outside of the model: after each period of the log, `update` takes in
    its raw examples and `state` gives the state with which the next period is encoded,
    trained (see `tfctr.training.carry_over`) and exported.

    Args:
        schema: The declaration, with a request time.
        sketch_width: As for `IdMap`.
    """

    def __init__(
        self, schema: FeatureSchema, *, sketch_width: int | None = None
    ) -> None:
        self.schema = schema
        self.maps = {
            vocabulary.name: IdMap(vocabulary, sketch_width=sketch_width)
            for vocabulary in schema.vocabularies
            if vocabulary.is_open
        }
        if not self.maps:
            raise InputError(
                "schema",
                received="no open vocabulary",
                expected="at least one: `Vocabulary(name, capacity=...)`",
            )

    def update(self, frame: Any) -> dict[str, RowChanges]:
        """Takes in the raw examples of one period.

        Args:
            frame: A `pandas.DataFrame` with the schema's time column and those of the
                open vocabularies. Past events count only where nothing else has the
                vocabulary, and at the time of the example.

        Returns:
            Changes by vocabulary.
        """
        schema = self.schema
        if schema.timestamp is None:
            raise InputError(
                "timestamp",
                received="a schema without request time",
                expected="`FeatureSchema(..., timestamp=...)`",
            )
        times = _cells(schema.column(schema.timestamp), frame)
        return {
            name: id_map.update(*self._events(name, frame, times))
            for name, id_map in self.maps.items()
        }

    def state(self, state: SchemaState) -> SchemaState:
        """`state` with the ids that have rows now.

        Args:
            state: What else was learnt, of the same schema.
        """
        return state.replace({name: m.values() for name, m in self.maps.items()})

    def save(self, path: str | Path) -> None:
        """Writes everything into one file, which appears whole or not at all."""
        path = Path(path)
        arrays = {
            f"{name}/{part}": array
            for name, id_map in self.maps.items()
            for part, array in id_map.to_arrays().items()
        }
        aside = path.with_name(path.name + ".partial")
        with aside.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        aside.replace(path)

    @classmethod
    def load(cls, path: str | Path, schema: FeatureSchema) -> "OpenVocabularies":
        """Reads what `save` wrote.

        Args:
            path: The file.
            schema: The declaration. Capacities may have grown since.
        """
        made = cls(schema)
        with np.load(path, allow_pickle=False) as file:
            for name in made.maps:
                if f"{name}/map" not in file:
                    known = {key.split("/")[0] for key in file}
                    raise UnknownName(f"vocabulary in {path}", name, known)
                parts = ("map", "last_seen", "sketches")
                arrays = {part: file[f"{name}/{part}"] for part in parts}
                made.maps[name] = IdMap.from_arrays(schema.vocabulary(name), arrays)
        return made

    def _events(
        self, name: str, frame: Any, times: np.ndarray
    ) -> tuple[list[str], list[int]]:
        ids: list[str] = []
        seconds: list[int] = []
        for column in self.schema.vocabulary_columns(name):
            values = _cells(column, frame)
            width = int(np.prod(values.shape[1:], dtype=int))
            flat = values.reshape(-1).tolist()
            ids += [_text(column, value) for value in flat]
            seconds += np.repeat(times, width).tolist()
        return ids, seconds


def _cells(column: Column, frame: Any) -> np.ndarray:
    if column.name not in frame:
        raise UnknownName(f"column {column.name}", column.name, list(frame))
    return dense_column(column, frame[column.name])


def _text(column: Column, value: Any) -> str:
    if value == column.missing:
        return ""
    return text_of(column, value) if column.dtype == "string" else str(value)
