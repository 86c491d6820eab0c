"""Errors of pipeline runs, and finding the cause inside Beam's own errors."""

import re

from tfctr.errors import InputError

__all__ = ["PipelineError", "input_error_in"]

# How an `InputError` reads inside the text of an error from another process.
_TEXT = re.compile(
    r"tfctr\.errors\.(?:InputError|UnknownName): "
    r"`(?P<field>[^`]+)`: received (?P<received>.+?), expected (?P<expected>.+?)"
    r"(?: \[while running|\n|$)",
    re.DOTALL,
)


class PipelineError(RuntimeError):
    """A component failed; nothing of its output is kept.

    Args:
        component: Id of the component.
        cause: What it failed of.
    """

    def __init__(self, component: str, cause: BaseException) -> None:
        self.component = component
        self.cause = input_error_in(cause) or cause
        super().__init__(f"{component} failed: {self.cause}")


def input_error_in(error: BaseException) -> InputError | None:
    """The `InputError` that `error` was raised from, also in another process.

    Args:
        error: For example what a Beam runner raised.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, InputError):
            return current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    found = _TEXT.search(str(error))
    if found is None:
        return None
    expected, _, hint = found["expected"].strip().partition(". ")
    return InputError(
        found["field"],
        received=found["received"],
        expected=expected if hint else expected.removesuffix("."),
        hint=hint,
    )
