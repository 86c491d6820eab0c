"""The error that calls to a model server raise."""

__all__ = ["ServingError"]


class ServingError(RuntimeError):
    """A model server refused or failed a call.

    Args:
        code: Name of the gRPC status, for example `"INVALID_ARGUMENT"`.
        text: What the server said.

    >>> error = ServingError("NOT_FOUND", "no model 'a'")
    >>> error.code, str(error)
    ('NOT_FOUND', "NOT_FOUND: no model 'a'")
    """

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"{code}: {text}")

    def __reduce__(self) -> tuple[object, ...]:
        return ServingError, (self.code, self.text)
