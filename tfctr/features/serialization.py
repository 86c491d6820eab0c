"""A schema as JSON-ready data, and back, strictly."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from tfctr.errors import InputError, UnknownName
from tfctr.features import specs

__all__ = ["schema_from_dict", "schema_to_dict"]

VERSION = 1
KINDS = {
    cls.__name__.lower(): cls
    for cls in (specs.Categorical, specs.Numeric, specs.Vector, specs.Timestamp)
}
T = TypeVar("T")


def schema_to_dict(schema: Any) -> dict[str, Any]:
    """The fields of `schema`, features tagged with their kind."""
    data: dict[str, Any] = {"version": VERSION}
    for field in dataclasses.fields(schema):
        if field.init:
            data[field.name] = _plain(getattr(schema, field.name))
    return data


def schema_from_dict(cls: type[T], data: Mapping[str, Any]) -> T:
    """Builds a schema of class `cls` from what `schema_to_dict` gave."""
    values = _mapping(cls.__name__, data)
    version = values.pop("version", None)
    if version != VERSION:
        raise InputError(
            "version", received=version, expected=f"schema version {VERSION}"
        )
    for role in ("user", "item", "context"):
        values[role] = tuple(_feature(f) for f in values.get(role, ()))
    values["sequences"] = tuple(_sequence(s) for s in values.get("sequences", ()))
    values["labels"] = tuple(_make(specs.Label, v) for v in values.get("labels", ()))
    values["vocabularies"] = tuple(
        _make(specs.Vocabulary, v) for v in values.get("vocabularies", ())
    )
    return _make(cls, values)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return dict(value)
    if not dataclasses.is_dataclass(value):
        return value
    fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    kind = type(value).__name__.lower()
    return {"kind": kind, **fields} if kind in KINDS else fields


def _feature(data: Mapping[str, Any]) -> Any:
    values = _mapping("feature", data)
    kind = values.pop("kind", None)
    if kind not in KINDS:
        raise UnknownName("kind", str(kind), KINDS)
    return _make(KINDS[kind], values)


def _sequence(data: Mapping[str, Any]) -> specs.Sequence:
    values = _mapping("sequence", data)
    values["features"] = tuple(_feature(f) for f in values.get("features", ()))
    if values.get("timestamp") is not None:
        values["timestamp"] = _feature(values["timestamp"])
    return _make(specs.Sequence, values)


def _mapping(kind: str, data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise InputError(kind, received=repr(data), expected="a table of its fields")
    return dict(data)


def _make(cls: type[T], values: Mapping[str, Any]) -> T:
    values = _mapping(cls.__name__, values)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # cls is a dataclass
    known = [field.name for field in fields if field.init]
    for key in values:
        if key not in known:
            raise UnknownName(f"{cls.__name__} key", key, known)
    lists = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return cls(**lists)
    except TypeError as error:
        raise InputError(
            cls.__name__, received=f"keys {sorted(values)}", expected=str(error)
        ) from error
