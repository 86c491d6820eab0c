"""Signatures of public objects as text that is equal on every Python version."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters that a caller gives, by name; nothing for a bare `object`."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # built-in without a signature
        return {}


def signature_text(function: Callable[..., Any]) -> str:
    """`(name, *, other=default)`, without annotations: their text varies."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return "(...)"
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    text = str(
        signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)
    )
    return ADDRESS.sub("", text)


def is_ours(thing: object) -> bool:
    """Whether a class or function is written in this repository."""
    return str(getattr(thing, "__module__", "")).split(".")[0] == "tfctr"


def public_members(cls: type) -> Iterator[tuple[str, str]]:
    """Name and signature of what a class itself defines for its callers."""
    for name, member in sorted(vars(cls).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, (staticmethod, classmethod)):
            yield name, signature_text(member.__func__)
        elif inspect.isfunction(member):
            yield name, signature_text(member)
        elif isinstance(member, property):
            yield name, ""
