"""Values of a configuration that are given one by one, as `section.key=value`."""

import tomllib
from collections.abc import Mapping
from typing import Any

from tfctr.errors import InputError

__all__ = ["override"]


def override(values: dict[str, Any], text: str) -> None:
    """Sets one value of nested dicts, in place.

    Args:
        values: The configuration as read.
        text: The dotted key, `=` and the value, which is TOML, or plain text where it
            is no TOML.

    Raises:
        InputError: The text has no key or no value, or the key goes through a value.

    >>> values = {"epochs": 1}
    >>> override(values, "arguments.dim=8")
    >>> values
    {'epochs': 1, 'arguments': {'dim': 8}}
    """
    key, separator, value = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not separator or not all(parts):
        raise InputError(
            "override", received=repr(text), expected="`key=value`, the key with dots"
        )
    section: Any = values
    for part in parts[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, Mapping):
            raise InputError(
                key.strip(), received=f"a key inside `{part}`", expected="a section"
            )
    try:
        section[parts[-1]] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        section[parts[-1]] = value.strip()
