"""Tensors on the wire: numpy arrays to `TensorProto` and back, with every check."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfctr.errors import InputError

__all__ = [
    "DTYPES",
    "WireType",
    "decode",
    "describe",
    "encode",
    "to_array",
    "type_name",
]

# A few bytes can declare a huge tensor, because its last value is repeated.
MAX_TENSOR_BYTES = 1 << 30


@dataclass(frozen=True)
class WireType:
    """A dtype on the wire.

    Attributes:
        name: TensorFlow's name of it.
        number: Its number in `TensorProto.dtype`.
        dtype: The numpy dtype; `object` for strings, which are `bytes`.
        field: The repeated field that holds values one by one.
    """

    name: str
    number: int
    dtype: Any
    field: str


DTYPES: tuple[WireType, ...] = (
    WireType("float32", 1, np.float32, "float_val"),
    WireType("float64", 2, np.float64, "double_val"),
    WireType("int32", 3, np.int32, "int_val"),
    WireType("uint8", 4, np.uint8, "int_val"),
    WireType("int16", 5, np.int16, "int_val"),
    WireType("int8", 6, np.int8, "int_val"),
    WireType("string", 7, object, "string_val"),
    WireType("int64", 9, np.int64, "int64_val"),
    WireType("bool", 10, np.bool_, "bool_val"),
    WireType("uint16", 17, np.uint16, "int_val"),
    WireType("float16", 19, np.float16, "half_val"),
    WireType("uint32", 22, np.uint32, "uint32_val"),
    WireType("uint64", 23, np.uint64, "uint64_val"),
)
_BY_NUMBER = {kind.number: kind for kind in DTYPES}
_BY_DTYPE = {np.dtype(kind.dtype): kind for kind in DTYPES}


def type_name(number: int) -> str:
    """TensorFlow's name of a dtype number, or the number where it is unknown.

    >>> type_name(9), type_name(99)
    ('int64', 'dtype number 99')
    """
    return _BY_NUMBER[number].name if number in _BY_NUMBER else f"dtype number {number}"


def describe(array: np.ndarray) -> str:
    """Dtype and shape in words.

    >>> describe(np.zeros((2, 3), "float32"))
    'float32 [2, 3]'
    """
    kind = _BY_DTYPE.get(array.dtype)
    return f"{kind.name if kind else array.dtype} {list(array.shape)}"


def to_array(name: str, value: Any) -> np.ndarray:
    """An array of a dtype that has a place on the wire.

    Arrays keep their dtype, text becomes UTF-8 bytes. Python numbers become int64 or
    float32.

    Args:
        name: What to call the value in errors.
        value: An array, a scalar or nested lists of equal lengths.

    Raises:
        InputError: Lists of unequal lengths, mixed or unsupported types.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(
            name,
            received="nested lists of unequal lengths",
            expected="equal lengths",
            hint="Pad them with the missing value.",
        ) from None
    if not isinstance(value, np.ndarray | np.generic):
        if array.size == 0:
            raise InputError(
                name,
                received="an empty list",
                expected="an array, because an empty list has no type",
                hint="For example np.zeros((1, 0), 'int64').",
            )
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        elif array.dtype.kind == "U" and not _all_text(value):
            raise _unsupported(name, "text mixed with other types")
    if array.dtype.kind in "USO":
        return _to_bytes(name, array)
    if array.dtype not in _BY_DTYPE:
        raise _unsupported(name, str(array.dtype))
    return array


def encode(array: np.ndarray, proto: Any) -> None:
    """Fills the `TensorProto` `proto` with an array that `to_array` gave."""
    kind = _BY_DTYPE[array.dtype]
    proto.dtype = kind.number
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if kind.field == "string_val":
        proto.string_val.extend(array.ravel().tolist())
    else:
        little = array.dtype.newbyteorder("<")
        proto.tensor_content = np.ascontiguousarray(array, little).tobytes()


def decode(name: str, proto: Any) -> np.ndarray:
    """The array in a `TensorProto`; strings are an object array of `bytes`.

    Raises:
        InputError: The message does not describe a tensor, or of an unknown dtype.
    """
    kind = _BY_NUMBER.get(proto.dtype)
    if kind is None:
        raise _unsupported(name, type_name(proto.dtype))
    shape = _shape(name, proto)
    size = math.prod(shape)
    if size * np.dtype(kind.dtype).itemsize > MAX_TENSOR_BYTES:
        raise InputError(
            name,
            received=f"{kind.name} {list(shape)}",
            expected=f"at most {MAX_TENSOR_BYTES} bytes",
        )
    if proto.tensor_content:
        return _from_content(name, kind, shape, proto.tensor_content)
    return _from_values(name, kind, shape, getattr(proto, kind.field))


def _shape(name: str, proto: Any) -> tuple[int, ...]:
    sizes = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise InputError(
            name, received="a shape with unknown parts", expected="a complete shape"
        )
    return sizes


def _from_content(
    name: str, kind: WireType, shape: tuple[int, ...], content: bytes
) -> np.ndarray:
    if kind.dtype is object:
        return _strings_from_content(name, shape, content)
    little = np.dtype(kind.dtype).newbyteorder("<")
    expected = math.prod(shape) * little.itemsize
    if len(content) != expected:
        raise InputError(
            name,
            received=f"{len(content)} bytes of content",
            expected=f"{expected} bytes for {kind.name} {list(shape)}",
        )
    return np.frombuffer(content, little).astype(kind.dtype).reshape(shape)


def _from_values(
    name: str, kind: WireType, shape: tuple[int, ...], values: Any
) -> np.ndarray:
    size = math.prod(shape)
    if len(values) > size or (size and not values):
        raise InputError(
            name,
            received=f"{len(values)} values in {kind.field}",
            expected=f"{size} values for {kind.name} {list(shape)}",
        )
    if kind.dtype is object:
        array = np.empty(len(values), object)
        array[:] = list(values)
    elif kind.name == "float16":
        array = np.array(values, np.uint16).view(np.float16)
    else:
        array = np.array(values).astype(kind.dtype)
    if len(values) < size:  # TensorFlow leaves out repetitions of the last value
        array = np.concatenate([array, np.repeat(array[-1:], size - len(values))])
    return array.reshape(shape)


def _strings_from_content(
    name: str, shape: tuple[int, ...], content: bytes
) -> np.ndarray:
    """Reads TensorFlow's packed strings: all lengths as varints, then all bytes."""
    lengths: list[int] = []
    at, size = 0, math.prod(shape)
    while len(lengths) < size and at < len(content):
        length, shift = 0, 0
        while at < len(content):
            byte = content[at]
            length, shift, at = length | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                break
        lengths.append(length)
    if len(lengths) != size or at + sum(lengths) != len(content):
        raise InputError(
            name,
            received=f"{len(content)} bytes of content that do not add up",
            expected=f"{size} packed strings",
        )
    array = np.empty(size, object)
    for index, length in enumerate(lengths):
        array[index] = content[at : at + length]
        at += length
    return array.reshape(shape)


def _to_bytes(name: str, array: np.ndarray) -> np.ndarray:
    flat = np.empty(array.size, object)
    for index, value in enumerate(array.ravel().tolist()):
        if isinstance(value, str):
            flat[index] = value.encode()
        elif isinstance(value, bytes):
            flat[index] = value
        else:
            raise _unsupported(name, f"{type(value).__name__} {value!r:.40}")
    return flat.reshape(array.shape)


def _all_text(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_all_text, value))
    return isinstance(value, str | bytes)


def _unsupported(name: str, received: str) -> InputError:
    known = ", ".join(kind.name for kind in DTYPES)
    return InputError(name, received=received, expected=f"one of {known}")
