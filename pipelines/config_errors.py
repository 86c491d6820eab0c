"""From pydantic's findings to errors that name the dotted key."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from tfctr.errors import InputError, UnknownName

__all__ = ["first_error"]


def first_error(model: type[BaseModel], error: ValidationError) -> InputError:
    """The first finding of `error`, unknown keys before everything else.

    Args:
        model: The model that was validated.
        error: What pydantic raised.
    """
    findings = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    finding = findings[0]
    place = [str(part) for part in finding["loc"]]
    key = ".".join(place)
    if finding["type"] == "extra_forbidden":
        known = [".".join([*place[:-1], k]) for k in _keys(model, place[:-1])]
        return UnknownName("config key", key, known)
    cause = finding.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return cause
    if finding["type"] == "missing":
        return InputError(key, received="nothing", expected="a value")
    message = finding["msg"].removeprefix("Input should be ").removeprefix("Value ")
    received = repr(finding["input"])
    if isinstance(finding["input"], Mapping):
        received = f"a section with keys {', '.join(finding['input']) or 'none'}"
    return InputError(key, received=received, expected=message)


def _keys(model: type[BaseModel], place: list[str]) -> list[str]:
    """Keys of the section at `place`."""
    current: Any = model
    for part in place:
        current = _section(_fields(current).get(part), current)
    return list(_fields(current))


def _fields(model: Any) -> dict[str, Any]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {}
    return {
        field.alias or name: field.annotation
        for name, field in model.model_fields.items()
    }


def _section(annotation: Any, parent: Any) -> Any:
    """The model inside an annotation such as `X | None` or `dict[str, X]`."""
    if annotation is None:
        return parent  # the name of an entry of a table: its model came before
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
