"""What is frozen, or dropped in training, in the tables of a model, for its files."""

from collections.abc import Mapping
from typing import Any

import keras

from tfctr.errors import InputError
from tfctr.layers import EmbeddingTable

__all__ = ["embedding_tables", "set_table_settings", "table_settings"]


def embedding_tables(model: keras.Model) -> list[EmbeddingTable]:
    """The tables of a model, each once, in the order in which its code makes them.

    Args:
        model: The model, built.
    """
    layers = model._flatten_layers(include_self=False, recursive=True)
    return list({id(x): x for x in layers if isinstance(x, EmbeddingTable)}.values())


def table_settings(model: keras.Model) -> dict[str, Any]:
    """Settings of tables by their place, of those that have any; JSON-ready.

    Args:
        model: The model.
    """
    tables = embedding_tables(model)
    return {
        str(place): {"num_rows": table.num_rows, **table.in_training}
        for place, table in enumerate(tables)
        if table.in_training
    }


def set_table_settings(model: keras.Model, settings: Mapping[str, Any]) -> None:
    """Gives a model, whose optimizer is not built yet, the settings of another one.

    Args:
        model: The model, built.
        settings: What `table_settings` gave for a model of the same kind and sizes.

    Raises:
        InputError: The model has other tables.
    """
    tables = dict(enumerate(embedding_tables(model)))
    for place, found in settings.items():
        table = tables.get(int(place))
        if table is None or table.num_rows != found["num_rows"]:
            raise InputError(
                "tables",
                received=f"settings of table {place} with {found['num_rows']} rows",
                expected=f"of tables with {[t.num_rows for t in tables.values()]} rows",
            )
        table.set_in_training(found)
