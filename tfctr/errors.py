"""Errors about what a user hands in, and how their texts are made.

ValueError
 └── InputError        a field that does not hold what was declared
      └── UnknownName   a name that nothing has, with the nearest known ones
"""

import difflib
from collections.abc import Iterable

__all__ = ["InputError", "UnknownName"]


class InputError(ValueError):
    """Says which field is wrong, what came and what was expected.

    Args:
        field: Name of the column, tensor, config key or file that is wrong.
        received: What came, short enough for one line.
        expected: What was declared or would have been accepted.
        hint: What to do about it, as a sentence. Optional.

    >>> str(InputError("age", received="text 'old'", expected="a number"))
    "`age`: received text 'old', expected a number."
    """

    def __init__(
        self, field: str, *, received: object, expected: str, hint: str = ""
    ) -> None:
        self.field = field
        self.received = received
        self.expected = expected
        self.hint = hint
        super().__init__(
            f"`{field}`: received {received}, expected {expected}."
            + (f" {hint}" if hint else "")
        )

    def __reduce__(self) -> tuple[object, ...]:
        # Beam and multiprocessing carry errors between processes by pickling.
        return _rebuild, (self.field, self.received, self.expected, self.hint)


class UnknownName(InputError):
    """A name that is not among the known ones; offers the nearest.

    Args:
        field: What kind of name it is, for example `model` or `config key`.
        name: The unknown name.
        known: All names that would have been accepted.

    >>> str(UnknownName("model", "DeepFN", ["DeepFM", "DIN"]))
    "`model`: received 'DeepFN', expected one of DIN, DeepFM. Did you mean 'DeepFM'?"
    """

    def __init__(self, field: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = sorted(known)
        near = difflib.get_close_matches(name, self.known, n=2)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else ""
        listed = ", ".join(self.known[:30]) + (" ..." if len(self.known) > 30 else "")
        expected = f"one of {listed}" if listed else "nothing: there are no names"
        super().__init__(field, received=repr(name), expected=expected, hint=hint)

    def __reduce__(self) -> tuple[object, ...]:
        return UnknownName, (self.field, self.name, self.known)


def _rebuild(field: str, received: object, expected: str, hint: str) -> InputError:
    return InputError(field, received=received, expected=expected, hint=hint)
