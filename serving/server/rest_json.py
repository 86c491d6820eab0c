"""TF Serving's JSON: row (`instances`) and columnar (`inputs`) requests."""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfctr.errors import InputError, UnknownName
from tfctr.serving.server.model import DEFAULT_SIGNATURE
from tfctr.serving.signatures import TensorSpec

__all__ = ["JsonRequest"]


class JsonRequest:
    """The body of a `:predict` call.

    Args:
        body: JSON with `instances` (a list with one value or object per row) or
            `inputs` (a tensor, or an object of tensors), and maybe `signature_name`.

    Raises:
        InputError: No JSON object, or not exactly one of the two forms.
    """

    def __init__(self, body: bytes) -> None:
        try:
            data = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InputError("body", received=str(error), expected="JSON") from None
        if not isinstance(data, dict) or ("instances" in data) == ("inputs" in data):
            raise InputError(
                "body",
                received=f"keys {[*data]}" if isinstance(data, dict) else "no keys",
                expected="an object with either 'instances' or 'inputs'",
            )
        self.by_row = "instances" in data
        self.signature_name = data.get("signature_name", DEFAULT_SIGNATURE)
        if not isinstance(self.signature_name, str):
            raise InputError(
                "signature_name", received=self.signature_name, expected="text"
            )
        self._data = data["instances"] if self.by_row else data["inputs"]

    def arrays(self, specs: Mapping[str, TensorSpec]) -> dict[str, np.ndarray]:
        """Inputs of a signature that expects `specs`.

        Raises:
            InputError: A value of a wrong type, or lists of unequal lengths.
            UnknownName: An input that the signature does not have.
        """
        columns = self._rows(specs) if self.by_row else self._columns(specs)
        for name in columns:
            if name not in specs:
                raise UnknownName("input", name, specs)
        return {name: _array(specs[name], value) for name, value in columns.items()}

    def response(self, outputs: Mapping[str, np.ndarray]) -> bytes:
        """The answer in the form of the request.

        Raises:
            InputError: A request by row, but outputs that are not one per row.
        """
        lists = {name: _plain(name, array) for name, array in outputs.items()}
        only = next(iter(lists.values())) if len(lists) == 1 else None
        if not self.by_row:
            return json.dumps({"outputs": lists if only is None else only}).encode()
        for name, array in outputs.items():
            if array.shape[:1] != (len(self._data),):
                raise InputError(
                    name,
                    received=f"an output of shape {list(array.shape)}",
                    expected=f"{len(self._data)} rows, as 'instances' has",
                    hint="Use 'inputs' instead.",
                )
        rows = only
        if only is None:
            values = zip(*lists.values(), strict=True)
            rows = [dict(zip(lists, row, strict=True)) for row in values]
        return json.dumps({"predictions": rows}).encode()

    def _columns(self, specs: Mapping[str, TensorSpec]) -> dict[str, Any]:
        if isinstance(self._data, dict) and not _is_base64(self._data):
            return self._data
        return {_only(specs): self._data}

    def _rows(self, specs: Mapping[str, TensorSpec]) -> dict[str, Any]:
        rows = self._data
        if not isinstance(rows, list) or not rows:
            raise InputError(
                "instances", received=f"{rows!r:.40}", expected="a list with rows"
            )
        if not isinstance(rows[0], dict) or _is_base64(rows[0]):
            return {_only(specs): rows}
        for index, row in enumerate(rows):
            if not isinstance(row, dict) or set(row) != set(rows[0]):
                received = sorted(row) if isinstance(row, dict) else f"{row!r:.40}"
                raise InputError(
                    f"instances[{index}]",
                    received=received,
                    expected=f"the keys of the first row, {sorted(rows[0])}",
                )
        return {name: [row[name] for row in rows] for name in rows[0]}


def _only(specs: Mapping[str, TensorSpec]) -> str:
    if len(specs) != 1:
        raise InputError(
            "inputs", received="values without names", expected=f"{sorted(specs)}"
        )
    return next(iter(specs))


def _array(spec: TensorSpec, value: Any) -> np.ndarray:
    shape = _shape(spec, value)
    dtype = object if spec.dtype == "string" else spec.dtype
    flat = np.empty(math.prod(shape), dtype)
    try:
        for index, leaf in enumerate(_leaves(value, len(shape))):
            flat[index] = _leaf(spec, leaf)
    except OverflowError:
        raise InputError(
            spec.name, received="a number out of range", expected=spec.dtype
        ) from None
    if flat.size == 0 and spec.shape is not None:
        # An empty list hides the axes inside it.
        shape += tuple(size or 0 for size in spec.shape[len(shape) :])
    return flat.reshape(shape)


def _shape(spec: TensorSpec, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    inner = {_shape(spec, element) for element in value}
    if len(inner) > 1:
        raise InputError(
            spec.name, received="lists of unequal lengths", expected=f"{spec}"
        )
    return (len(value), *(inner.pop() if inner else ()))


def _leaves(value: Any, depth: int) -> list[Any]:
    if depth == 0:
        return [value]
    return [leaf for element in value for leaf in _leaves(element, depth - 1)]


def _leaf(spec: TensorSpec, value: Any) -> Any:
    if spec.dtype == "string":
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict) and _is_base64(value):
            return _decode_base64(spec, value)
    elif isinstance(value, _leaf_types(spec)) and (
        isinstance(value, bool) == (spec.dtype == "bool")
    ):
        return value
    raise InputError(spec.name, received=f"{json.dumps(value):.40}", expected=f"{spec}")


def _leaf_types(spec: TensorSpec) -> tuple[type, ...]:
    return (int, float) if spec.dtype.startswith("float") else (int,)


def _decode_base64(spec: TensorSpec, value: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (ValueError, TypeError):
        raise InputError(
            spec.name, received=f"{value!r:.40}", expected="base64"
        ) from None


def _is_base64(value: dict[str, Any]) -> bool:
    return set(value) == {"b64"}


def _plain(name: str, array: np.ndarray) -> Any:
    if array.dtype == object:
        return _text(name, array.tolist())
    return array.tolist()


def _text(name: str, value: Any) -> Any:
    """Text where bytes are UTF-8; base64 where not, and in outputs named `*_bytes`."""
    if isinstance(value, list):
        return [_text(name, element) for element in value]
    try:
        if not name.endswith("_bytes"):
            return value.decode()
    except UnicodeDecodeError:
        pass
    return {"b64": base64.b64encode(value).decode()}
