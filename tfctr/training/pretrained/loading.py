"""Pretrained tables in a model that ranks: frozen or trainable."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfctr import optimizers
from tfctr.data.cells import Array
from tfctr.errors import InputError, UnknownName
from tfctr.features import SchemaState
from tfctr.layers import EmbeddingCollection
from tfctr.layers.embedding.frozen_rows import FrozenRows
from tfctr.models import RankingModel
from tfctr.training.growth import ROWS_AT_ONCE, RowCounts
from tfctr.training.pretrained.artifact import PretrainedTables, read_pretrained
from tfctr.training.pretrained.rows import matching_rows
from tfctr.training.pretrained.window import Window, check_windows

__all__ = ["LoadedTables", "load_pretrained"]

MODES = ("frozen", "trainable")
Rows = tuple[Array, Array]


@dataclass(frozen=True)
class LoadedTables:
    """What was loaded.

    Attributes:
        vocabularies: What became of the values of each vocabulary: kept ones have
            pretrained rows, new ones the rows of an untrained model, dropped ones are
            in the artifact alone. Of hashed ones all rows count as kept.
        unused: Vocabularies of the artifact that the model does not embed.
        frozen: Names of the tables that training leaves as they are.
        fingerprint: The artifact's.
    """

    vocabularies: dict[str, RowCounts]
    unused: tuple[str, ...]
    frozen: tuple[str, ...]
    fingerprint: str


def load_pretrained(
    model: RankingModel,
    folder: str | Path,
    state: SchemaState,
    *,
    mode: str = "frozen",
    dropout: float = 0.0,
    learning_rate: float | None = None,
    ranker_window: Window | None = None,
    allow_overlap: bool = False,
) -> LoadedTables:
    """Puts pretrained rows into a model that was not trained yet, by vocabulary name.

    Frozen tables keep all of their rows to the bit, those of new ids too, and with
    them the linear weights that DeepFM and its kin keep in the same rows. They are
    frozen in `.keras` files too.

    Args:
        model: Any ranking model, compiled or not.
        folder: What `write_pretrained` wrote.
        state: The state that the model was made for.
        mode: `"frozen"` or `"trainable"`.
        dropout: Frozen only: share of the entries of pretrained rows that training
            sees as 0.
        learning_rate: Trainable only: learning rate of all tables of the model, whose
            optimizer becomes a `Composite` of default ones. That of the dense weights
            stays, and so does `frequency_adaptive`.
        ranker_window: What the model will be trained on. It has to come after the
            window of the tables.
        allow_overlap: Whether to load tables of any window.

    Returns:
        What was loaded.

    Raises:
        InputError: The windows overlap, the tables are of other ids, hashes or
            another width, or the model was trained.
    """
    _check_arguments(mode, dropout, learning_rate)
    if model.schema != state.schema:
        raise InputError(
            "state",
            received="one of another schema than the model's",
            expected="the state that the model was made for",
        )
    pretrained = read_pretrained(folder)
    check_windows(pretrained.window, ranker_window, allow_overlap=allow_overlap)
    _check_is_new(model, mode)
    model.build()
    here = {v.name: v.table for v in state.schema.vocabularies}
    found = {
        name: matching_rows(vocabulary, pretrained.values.get(name, ()), state)
        for name, vocabulary in pretrained.vocabularies.items()
        if name in here
    }
    tables = _tables(model, pretrained, found)
    for layer, rows in tables:
        _copy(layer, pretrained, rows)
        if mode == "frozen":
            _freeze(model, layer, list(rows), dropout)
    if learning_rate is not None:
        _set_learning_rate(model, learning_rate)
    used = {name for _, rows in tables for name in rows}
    loaded = {n: counts for n, (*_, counts) in found.items() if here[n] in used}
    unused = tuple(n for n in pretrained.vocabularies if n not in loaded)
    frozen = tuple(sorted(used)) if mode == "frozen" else ()
    return LoadedTables(loaded, unused, frozen, pretrained.fingerprint)


def _check_arguments(mode: str, dropout: float, learning_rate: float | None) -> None:
    if mode not in MODES:
        raise UnknownName("mode", mode, MODES)
    if dropout and mode != "frozen":
        raise InputError("dropout", received=f"{dropout} with {mode!r}", expected="0")
    if learning_rate is not None and mode != "trainable":
        raise InputError(
            "learning_rate", received=f"{learning_rate} with {mode!r}", expected="none"
        )


def _check_is_new(model: RankingModel, mode: str) -> None:
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.built:
        raise InputError(
            "model",
            received="a model whose optimizer is in use",
            expected="a model that was not trained yet",
            hint="What is trainable is settled when the optimizer is built.",
        )
    is_ours = isinstance(optimizer, optimizers.SparseOptimizer)
    if mode == "frozen" and getattr(optimizer, "weight_decay", None) and not is_ours:
        raise InputError(
            "mode",
            received="'frozen' with a Keras optimizer that has weight_decay",
            expected="an optimizer of tfctr.optimizers",
            hint="Keras lets all rows of a table decay, frozen ones too.",
        )


def _tables(
    model: RankingModel,
    pretrained: PretrainedTables,
    found: Mapping[str, tuple[Array, Array, RowCounts]],
) -> list[tuple[EmbeddingCollection, dict[str, Rows]]]:
    """Collections of the tables' width, with the rows of each table that is there."""
    loaded, widths = [], set()
    for layer in _collections(model):
        rows = {}
        for name, (froms, tos, _) in found.items():
            table = model.schema.table(name)
            if layer.table is not None and f"table_{table}" in layer.tables:
                rows[table] = (froms, tos)
                widths.add(_vector_width(layer))
        if rows and _vector_width(layer) == pretrained.dim:
            loaded.append((layer, rows))
    if not loaded:
        raise InputError(
            str(pretrained.folder),
            received=f"tables of {', '.join(pretrained.vocabularies)}, "
            f"of width {pretrained.dim}",
            expected=f"tables of the model's width, {sorted(widths)}"
            if widths
            else f"tables of ids that the model embeds, {model.schema.user_id} or so",
        )
    return loaded


def _collections(model: RankingModel) -> Iterator[EmbeddingCollection]:
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, EmbeddingCollection):
            yield layer


def _vector_width(layer: EmbeddingCollection) -> int:
    """Width of the vectors in rows that may hold linear weights behind them."""
    deviations = layer.stddev
    if not isinstance(deviations, list):
        return layer.dim
    return len(list(itertools.takewhile(lambda s: s == deviations[0], deviations)))


def _copy(
    layer: EmbeddingCollection, pretrained: PretrainedTables, rows: Mapping[str, Rows]
) -> None:
    table: Any = layer.table
    variable = table.embeddings.value
    for name, (froms, tos) in rows.items():
        start, _ = layer.tables[f"table_{name}"]
        for first in range(0, len(froms), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            places = start + tos[part]
            values = np.asarray(pretrained.tables[name][froms[part]])
            rest = tf.gather(variable, places)[:, pretrained.dim :]
            both = tf.concat([tf.cast(values, variable.dtype), rest], axis=1)
            variable.scatter_update(tf.IndexedSlices(both, places))


def _freeze(
    model: RankingModel, layer: EmbeddingCollection, names: list[str], dropout: float
) -> None:
    ranges = [layer.tables[f"table_{name}"] for name in names]
    table: Any = layer.table
    table.freeze(FrozenRows(ranges, dropout=dropout, seed=model.seed))
    model.train_function = None


def _set_learning_rate(model: RankingModel, learning_rate: float) -> None:
    dense, adaptive = 1e-3, False
    config: dict[str, Any] = {}
    if model.compiled:
        dense = float(model.optimizer.learning_rate)
        adaptive = getattr(model.optimizer, "frequency_adaptive", False)
        config = model.get_compile_config() or {}
    optimizer = optimizers.Composite(
        tables=optimizers.default(learning_rate, frequency_adaptive=adaptive),
        dense=optimizers.default(dense),
    )
    config["optimizer"] = keras.saving.serialize_keras_object(optimizer)
    model.compile_from_config({**config, "optimizer_built": False})
