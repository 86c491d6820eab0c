"""What a schema has learnt from data: vocabularies and moments."""

import functools
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfctr.errors import InputError
from tfctr.features.encoding import encode
from tfctr.features.schema import FeatureSchema
from tfctr.features.vocabulary_files import (
    check_open_values,
    read_values,
    write_values,
)
from tfctr.types import Tensor

__all__ = ["Encoder", "SchemaState"]


class SchemaState:
    """Vocabularies and moments of a schema, learnt in memory or by TFT.

    Args:
        schema: The declaration.
        vocabularies: Values of each learnt vocabulary, by falling count; ties by
            falling value, as TFT orders them. Of an open vocabulary, the value of
            each row, `""` where it is free.
        moments: Mean and scale (deviation; 1 where that is 0) of each numeric column
            that is standardised, after its log where it has one.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        vocabularies: Mapping[str, Iterable[str]],
        moments: Mapping[str, tuple[float, float]],
    ) -> None:
        self.vocabularies = {name: tuple(v) for name, v in vocabularies.items()}
        self.moments = {
            name: (float(mean), float(scale)) for name, (mean, scale) in moments.items()
        }
        for vocabulary in schema.vocabularies:
            if vocabulary.is_learnt and vocabulary.name not in self.vocabularies:
                raise InputError(
                    vocabulary.name, received="no values", expected="a vocabulary"
                )
            if vocabulary.is_open:
                rows = _without_free_end(self.vocabularies[vocabulary.name])
                check_open_values(vocabulary, rows)
                self.vocabularies[vocabulary.name] = rows
        self.schema = schema.with_sizes(
            {
                vocabulary.name: 1 + vocabulary.num_oov + len(values)
                for vocabulary in schema.vocabularies
                if vocabulary.is_learnt and not vocabulary.is_open
                for values in [self.vocabularies[vocabulary.name]]
            }
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SchemaState) and (
            (self.schema, self.vocabularies, self.moments)
            == (other.schema, other.vocabularies, other.moments)
        )

    def __hash__(self) -> int:
        return hash((self.schema, tuple(sorted(self.moments.items()))))

    def __repr__(self) -> str:
        return f"SchemaState(sizes={self.schema.sizes}, moments={self.moments})"

    def values(self, vocabulary: str) -> tuple[str, ...]:
        """Values of a learnt or fixed vocabulary in row order, `""` for free rows."""
        fixed = self.schema.vocabulary(vocabulary).values
        return self.vocabularies[vocabulary] if fixed is None else fixed

    def replace(self, vocabularies: Mapping[str, Iterable[str]]) -> "SchemaState":
        """This state with other values of some vocabularies."""
        changed = {**self.vocabularies, **vocabularies}
        return SchemaState(self.schema, changed, self.moments)

    def encode(self, raw: Mapping[str, Any]) -> dict[str, Tensor]:
        """Encodes dense raw tensors; see `tfctr.features.encoding`."""
        return dict(self._encoder(raw))

    def save(self, folder: str | Path) -> None:
        """Writes the state as text files into `folder`, replacing what is there."""
        folder = Path(folder)
        aside = folder.with_name(folder.name + ".partial")
        shutil.rmtree(aside, ignore_errors=True)
        (aside / "vocabularies").mkdir(parents=True)
        (aside / "schema.json").write_text(self.schema.to_json())
        (aside / "moments.json").write_text(json.dumps(self.moments))
        for vocabulary in self.schema.vocabularies:
            if vocabulary.is_learnt:
                path = aside / "vocabularies" / f"{vocabulary.name}.txt"
                write_values(path, vocabulary, self.vocabularies[vocabulary.name])
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)

    @classmethod
    def load(cls, folder: str | Path) -> "SchemaState":
        """Reads what `save` wrote."""
        folder = Path(folder)
        if not (folder / "schema.json").is_file():
            raise InputError(
                "folder", received=str(folder), expected="a folder with schema.json"
            )
        schema = FeatureSchema.from_json((folder / "schema.json").read_text())
        moments = json.loads((folder / "moments.json").read_text())
        vocabularies = {}
        for vocabulary in schema.vocabularies:
            if vocabulary.is_learnt:
                path = folder / "vocabularies" / f"{vocabulary.name}.txt"
                vocabularies[vocabulary.name] = read_values(path, vocabulary)
        state = cls(schema, vocabularies, {k: tuple(v) for k, v in moments.items()})
        if state.schema.sizes != schema.sizes:
            raise InputError(
                str(folder),
                received=f"vocabularies of sizes {state.schema.sizes}",
                expected=f"the sizes in schema.json, {schema.sizes}",
                hint="A file of the folder was cut or exchanged.",
            )
        return state

    @functools.cached_property
    def _encoder(self) -> "Encoder":
        return Encoder(self)


class Encoder(tf.Module):
    """Encodes with a state's tables; a part of exported graphs.

    Args:
        state: What was learnt.
        folder: Folder to which `state` was saved. With it the tables read its text
            files, which a SavedModel carries as assets; without it they hold the
            values in the graph, which suits small vocabularies.
    """

    def __init__(self, state: SchemaState, folder: str | Path | None = None) -> None:
        super().__init__()
        self._schema = state.schema
        self._moments = state.moments
        self._tables: dict[str, tf.lookup.StaticHashTable] = {}
        for vocabulary in state.schema.vocabularies:
            if vocabulary.num_hash_buckets is not None:
                continue
            with tf.init_scope():
                values = state.values(vocabulary.name)
                if vocabulary.is_learnt and values and folder is not None:
                    path = Path(folder) / "vocabularies" / f"{vocabulary.name}.txt"
                    source = _file_source(path)
                else:
                    source = _memory_source(values)
                table = tf.lookup.StaticHashTable(source, -1)
            self._tables[vocabulary.name] = table

    def __call__(self, raw: Mapping[str, Any]) -> dict[str, Tensor]:
        return encode(self._schema, raw, self._lookup, self._moments)

    def _lookup(self, vocabulary: str, text: Tensor) -> Tensor:
        return self._tables[vocabulary].lookup(text)


def _without_free_end(values: tuple[str, ...]) -> tuple[str, ...]:
    end = len(values)
    while end and not values[end - 1]:
        end -= 1
    return values[:end]


def _memory_source(values: Sequence[str]) -> Any:
    # A table cannot be empty; the empty text is missing, so nobody looks it up.
    places = {value: place for place, value in enumerate(values) if value} or {"": -1}
    return tf.lookup.KeyValueTensorInitializer(
        tf.constant([value.encode() for value in places], tf.string),
        tf.constant(list(places.values()), tf.int64),
    )


def _file_source(path: Path) -> Any:
    return tf.lookup.TextFileInitializer(
        str(path),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
