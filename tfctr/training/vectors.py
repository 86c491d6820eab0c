"""Vectors of items in the tables of a model, as a configuration names them."""

from collections.abc import Mapping
from typing import Any

from tfctr.data import read_vectors, vectors_by_row
from tfctr.errors import InputError
from tfctr.features import SchemaState
from tfctr.models import ModalRanker, RankingModel

__all__ = ["load_vectors", "with_widths"]


def with_widths(
    cls: type[RankingModel],
    arguments: Mapping[str, Any],
    folders: Mapping[str, str],
    *,
    field: str = "vectors",
) -> dict[str, Any]:
    """Arguments of a model, with a table of its width for each folder of vectors.

    Args:
        cls: The model class.
        arguments: Its arguments; `tables` among them may have more.
        folders: Folders that `tfctr.data.write_vectors` wrote, by name of the table.
        field: Name of the configuration key, for the error.

    Raises:
        InputError: The model takes no tables, or a folder has no vectors, or of
            another width than the arguments say.
    """
    if not folders:
        return dict(arguments)
    if not issubclass(cls, ModalRanker):
        raise InputError(
            field,
            received=f"folders for {cls.__name__}",
            expected="a model that takes tables of vectors, such as DiffMSIN",
        )
    tables = dict(arguments.get("tables") or {})
    for name, folder in folders.items():
        width = read_vectors(folder)[1].shape[1]
        if tables.setdefault(name, width) != width:
            raise InputError(
                f"{field}.{name}",
                received=f"vectors of width {width}",
                expected=f"width {tables[name]}, as `tables` says",
            )
    return {**arguments, "tables": tables}


def load_vectors(
    model: RankingModel, folders: Mapping[str, str], state: SchemaState
) -> None:
    """Puts vectors into the tables of a model, each in the row of its item.

    Args:
        model: A model with these tables.
        folders: Folders that `tfctr.data.write_vectors` wrote, by name of the table.
        state: The state that the model was made for.

    Raises:
        UnknownName: The model has no such table.
        InputError: No item of a folder is in the vocabulary, or as `read_vectors`.
    """
    if not folders:
        return
    if not isinstance(model, ModalRanker):
        raise InputError(
            "model", received=type(model).__name__, expected="a model with tables"
        )
    for name, folder in folders.items():
        ids, vectors = read_vectors(folder)
        model.load_vectors(name, vectors_by_row(state, ids, vectors))
