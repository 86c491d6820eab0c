"""Checks that the declarations share."""

from tfctr.errors import InputError

__all__ = ["check_name", "check_positive"]


def check_name(kind: str, name: str) -> None:
    """Refuses what cannot be the name of a tensor."""
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise InputError(
            f"{kind}.name",
            received=repr(name),
            expected="a Python identifier that does not start with `_`",
            hint="Names become tensor names of the serving signatures.",
        )


def check_positive(field: str, value: int | None) -> None:
    """Refuses a number that is given and is not positive and whole."""
    if value is not None and (not isinstance(value, int) or value < 1):
        raise InputError(
            field, received=repr(value), expected="a positive whole number"
        )
