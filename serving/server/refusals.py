"""Why a request is refused: a gRPC code with a text that says what to change."""

import grpc
import tensorflow as tf

from tfctr.errors import InputError

__all__ = ["Refusal", "refusal_from"]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Refusal(Exception):
    """Ends a request with a gRPC code and a text.

    Args:
        code: The gRPC code.
        text: What is wrong with which field, what came, what was expected.
    """

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)

    @property
    def name(self) -> str:
        return str(self.code.name)


def refusal_from(error: BaseException) -> Refusal:
    """Any error as a refusal; what nobody foresaw becomes INTERNAL, never UNKNOWN."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, InputError):
        return Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    if isinstance(error, tf.errors.OpError):
        code = _CODES.get(error.error_code, grpc.StatusCode.INTERNAL)
        if code not in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.OK):
            return Refusal(code, f"The model failed: {error.message}")
    text = f"{type(error).__name__}: {error}"
    return Refusal(grpc.StatusCode.INTERNAL, f"The server failed. {text}")
