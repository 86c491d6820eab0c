"""Arguments that a model class takes, its bases' included."""

import inspect
from collections.abc import Mapping
from typing import Any

from tfctr.errors import UnknownName
from tfctr.models import RankingModel

__all__ = ["check_arguments"]


def check_arguments(
    cls: type[RankingModel], arguments: Mapping[str, Any], *, field: str = ""
) -> None:
    """Refuses arguments that a model does not have.

    Args:
        cls: The model class.
        arguments: Arguments by name.
        field: Name of the configuration key, for the error; that of the class if empty.

    Raises:
        UnknownName: Offers the nearest argument.
    """
    known = [name for name in _keywords(cls) if name != "seed"]
    for name in arguments:
        if name not in [*known, "dtype"]:
            raise UnknownName(field or f"{cls.__name__} argument", name, known)


def _keywords(cls: type[RankingModel]) -> list[str]:
    """Arguments by name of a class and of those to which it passes others on."""
    known: list[str] = []
    for above in cls.__mro__:
        if "__init__" not in above.__dict__:
            continue
        parameters = inspect.signature(above.__dict__["__init__"]).parameters.values()
        known += [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        passes_on = any(p.kind is p.VAR_KEYWORD for p in parameters)
        if above is RankingModel or not passes_on:
            break
    return list(dict.fromkeys(known))
