"""When an event of the log makes a label 1, or what its value is."""

from dataclasses import dataclass

from tfctr.errors import InputError

__all__ = ["LabelRule"]


@dataclass(frozen=True)
class LabelRule:
    """Says when an event makes a label 1, or what its value is.

    With neither condition the column itself holds 0 or 1, or with `is_value` the value.

    Args:
        column: Event column to look at.
        at_least: The label is 1 where the column is at least this number.
        equals: The label is 1 where the column is this value.
        is_value: The label is the column itself, a number of at least 0, for
            `Label(kind="value")`.

    >>> LabelRule("rating", at_least=4).equals is None
    True
    """

    column: str
    at_least: float | None = None
    equals: str | float | None = None
    is_value: bool = False

    def __post_init__(self) -> None:
        given = {
            "at_least": self.at_least is not None,
            "equals": self.equals is not None,
            "is_value": self.is_value,
        }
        if sum(given.values()) > 1:
            names = [f"`{name}`" for name, is_given in given.items() if is_given]
            raise InputError(
                f"label rule of {self.column}",
                received=f"both {' and '.join(names)}",
                expected="at most one of them",
            )
