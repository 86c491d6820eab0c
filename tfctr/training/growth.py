"""A model for a new state, with everything that another one has learnt."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.features import FeatureSchema, SchemaState, Vocabulary
from tfctr.layers import EmbeddingCollection
from tfctr.models import Calibrated, RankingModel
from tfctr.models.event_tokens import EventTokens

__all__ = ["CarriedOver", "RowCounts", "carry_over", "slots_of"]

# Rows copied at a time, so that no second copy of a large table is made.
ROWS_AT_ONCE = 1 << 20
Rows = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class RowCounts:
    """What became of the values of a vocabulary.

    Attributes:
        kept: Values in both states: their rows were carried over.
        new: Values in the new state only: their rows are as initialised.
        dropped: Values in the old state only.
    """

    kept: int
    new: int
    dropped: int


@dataclass(frozen=True)
class CarriedOver:
    """A model for a new state.

    Attributes:
        model: The model, compiled if the old one was.
        vocabularies: What became of the values of each vocabulary that has values.
    """

    model: RankingModel
    vocabularies: dict[str, RowCounts]


def carry_over(model: RankingModel, old: SchemaState, new: SchemaState) -> CarriedOver:
    """Makes a model for a new state with the weights of a trained one.

    Rows of tables go with their value, wherever the new vocabulary has it; rows for
    missing and unknown values, hashed tables and all other weights are the same. Rows
    of new values, and rows that are free, are as a new model of the same seed has
    them. If the model was trained with an optimizer, its slots go with the rows and
    weights; those of new rows are as the optimizer starts them. Frozen tables stay
    frozen. (Gradients that wait
    for `gradient_accumulation_steps` are left behind.) So a known example has the
    prediction that it had, to the bit. The old model stays as it is.

    Args:
        model: The trained model.
        old: The state that it was made for.
        new: Another state of the same features. Values, capacities and limits of
            vocabularies may differ; hashes and rows for unknown values may not.

    Raises:
        InputError: The model is of another state or calibrated, or the states do not
            go together.
    """
    if isinstance(model, Calibrated):
        raise InputError(
            "model",
            received="a calibrated model",
            expected="its `model`, which is to be calibrated again afterwards",
        )
    if model.schema != old.schema:
        raise InputError(
            "old",
            received="a state of another schema than the model's",
            expected="the state that the model was made for",
        )
    _check_states(old, new)
    model.build()
    config = {**model.get_config(), "schema": new.schema.to_dict()}
    made: RankingModel = type(model).from_config(config)
    made.build()
    _set_alike(model, made)
    rows = {v.table: _rows(old, new, v) for v in new.schema.vocabularies}
    places = _table_rows(model, made, rows) | _action_rows(model, made, rows)
    _copy(model.weights, made.weights, places)
    compiled = model.get_compile_config()
    if model.compiled and compiled is not None:
        made.compile_from_config(compiled)
        if model.optimizer.built:
            slots = {
                id(slot): places[id(weight)]
                for weight in model.trainable_variables
                if id(weight) in places
                for slot in slots_of(model.optimizer, weight)
            }
            _copy(model.optimizer.variables, made.optimizer.variables, slots)
    counts = {
        v.name: _counts(old.values(v.name), new.values(v.name))
        for v in new.schema.vocabularies
        if v.num_hash_buckets is None
    }
    return CarriedOver(made, counts)


def _check_states(old: SchemaState, new: SchemaState) -> None:
    if _features(old.schema) != _features(new.schema):
        raise InputError(
            "new",
            received="a state of a schema with other features or labels",
            expected="the features and labels of the old one",
        )
    for vocabulary in new.schema.vocabularies:
        before = old.schema.vocabulary(vocabulary.name)
        for name in ("num_hash_buckets", "num_hashes", "table", "num_oov"):
            was, now = getattr(before, name), getattr(vocabulary, name)
            if was != now:
                raise InputError(
                    f"{vocabulary.name}.{name}",
                    received=f"{now} in the new state",
                    expected=f"{was}, as in the old one",
                    hint="Rows would not mean what they meant.",
                )


def _features(schema: FeatureSchema) -> FeatureSchema:
    return dataclasses.replace(schema, vocabularies=(), sizes={})


def _rows(old: SchemaState, new: SchemaState, vocabulary: Vocabulary) -> Rows:
    """Rows of a table in the old model, and where they go in the new one."""
    if vocabulary.num_hash_buckets is not None:
        every = np.arange(new.schema.size(vocabulary.name))
        return every, every
    first = 1 + vocabulary.num_oov
    places = {v: p for p, v in enumerate(old.values(vocabulary.name), first) if v}
    pairs = [
        (places[value], place)
        for place, value in enumerate(new.values(vocabulary.name), first)
        if value in places
    ]
    kept = np.array([(row, row) for row in range(first)] + pairs, np.int64)
    return kept[:, 0], kept[:, 1]


def _counts(old: tuple[str, ...], new: tuple[str, ...]) -> RowCounts:
    before, now = set(old) - {""}, set(new) - {""}
    return RowCounts(len(before & now), len(now - before), len(before - now))


def _table_rows(
    old: RankingModel, new: RankingModel, rows: Mapping[str, Rows]
) -> dict[int, Rows]:
    """Rows of each table variable of the old model, by the variable's identity."""
    places = {}
    for before, now in zip(_collections(old), _collections(new), strict=True):
        if before.table is None:
            continue
        parts = []
        for key, (start, stop) in before.tables.items():
            of_calendar = np.arange(stop - start)
            froms, tos = rows.get(
                key.removeprefix("table_"), (of_calendar, of_calendar)
            )
            parts.append((start + froms, now.tables[key][0] + tos))
        places[id(before.table.embeddings)] = (
            np.concatenate([froms for froms, _ in parts]),
            np.concatenate([tos for _, tos in parts]),
        )
    return places


def _set_alike(old: RankingModel, new: RankingModel) -> None:
    """Freezes, and drops in training, what the old model does."""
    for before, now in zip(_collections(old), _collections(new), strict=True):
        if before.table is None or now.table is None:
            continue
        settings = before.table.in_training
        if "frozen" in settings:
            kept = [list(rows) for rows in settings["frozen"]["ranges"]]
            whole = {key: list(rows) for key, rows in before.tables.items()}
            names = [key for key, rows in whole.items() if rows in kept]
            if len(names) < len(kept):
                raise InputError(
                    "model", received="parts of tables frozen", expected="whole tables"
                )
            ranges = [now.tables[key] for key in names]
            settings["frozen"] = {**settings["frozen"], "ranges": ranges}
        now.table.set_in_training(settings)


def _action_rows(
    old: RankingModel, new: RankingModel, rows: Mapping[str, Rows]
) -> dict[int, Rows]:
    """The same of the rows of actions, which models of sequences hold by themselves."""
    places = {}
    for before, now in zip(_tokens(old), _tokens(new), strict=True):
        if before.events.action_table is None:
            continue
        froms, tos = rows[before.events.action_table]
        every = np.arange(now.events.num_actions)
        if not before.events.has_several:
            places[id(before.actions.rows)] = (froms, tos)
        elif not (np.array_equal(froms, every) and np.array_equal(tos, every)):
            raise InputError(
                str(before.events.action),
                received="a new vocabulary of actions, of which an event has several",
                expected="the old one: weights behind them follow their order",
            )
    return places


def _tokens(model: keras.Model) -> Iterator[EventTokens]:
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, EventTokens):
            yield layer


def _collections(model: keras.Model) -> Iterator[EmbeddingCollection]:
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, EmbeddingCollection):
            yield layer


def slots_of(optimizer: Any, weight: keras.Variable) -> list[keras.Variable]:
    """What an optimizer keeps for each row of a weight.

    Args:
        optimizer: An optimizer that was built.
        weight: One of the weights it was built with.
    """
    if hasattr(optimizer, "slots"):
        return list(optimizer.slots(weight).values())
    # Keras names a slot `<optimizer>/<path of the weight>_<slot>`.
    part = f"/{weight.path.replace('/', '_')}_"
    return [
        slot
        for slot in optimizer.variables
        if part in slot.path and slot.shape[:1] == weight.shape[:1]
    ]


def _copy(
    old: list[keras.Variable], new: list[keras.Variable], places: Mapping[int, Rows]
) -> None:
    """Copies variables; of those in `places` only the given rows."""
    for before, now in zip(old, new, strict=True):
        if id(before) not in places:
            now.assign(before.value)
            continue
        froms, tos = places[id(before)]
        for start in range(0, len(froms), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            values = tf.gather(before.value, froms[part])
            now.value.scatter_update(tf.IndexedSlices(values, tos[part]))
