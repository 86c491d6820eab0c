"""Arrays on the wire, against TensorFlow's own conversion."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.serving.tensors import DTYPES, decode, encode, to_array
from tfctr.serving.wire import message

Tensor = message("Tensor")
NUMBERS = [kind.name for kind in DTYPES if kind.name not in ("string", "bool")]


def sent(array):
    proto = Tensor()
    encode(array, proto)
    return proto


def ours(proto):
    return Tensor.FromString(proto.SerializeToString())


@pytest.mark.parametrize("dtype", NUMBERS)
def test_tensorflow_reads_what_we_write(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    proto = tf.make_tensor_proto(0).FromString(sent(array).SerializeToString())
    read = tf.make_ndarray(proto)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("dtype", [*NUMBERS, "bool"])
@pytest.mark.parametrize("packed", [True, False])
def test_we_read_what_tensorflow_writes(dtype, packed):
    array = np.array([[1, 0, 3], [4, 5, 6]]).astype(dtype)
    proto = tf.make_tensor_proto(array)
    if not packed:  # C++ clients and TF Serving itself write values one by one
        kind = next(kind for kind in DTYPES if kind.name == dtype)
        values = array.view("uint16") if dtype == "float16" else array
        proto.tensor_content = b""
        proto.ClearField(kind.field)
        getattr(proto, kind.field).extend(values.ravel().tolist())
    read = decode("x", ours(proto))
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


def test_strings_are_bytes_both_ways():
    array = np.array([["ü", "b"], ["", "d"]])
    theirs = tf.make_tensor_proto(0).FromString(
        sent(to_array("x", array)).SerializeToString()
    )
    expected = [["ü".encode(), b"b"], [b"", b"d"]]
    assert tf.make_ndarray(theirs).tolist() == expected
    assert decode("x", ours(theirs)).tolist() == expected


def test_strings_in_packed_content_are_read():
    proto = Tensor(dtype=7, tensor_content=b"\x01\x80\x01" + b"a" + 128 * b"b")
    proto.tensor_shape.dim.add(size=2)
    assert decode("x", proto).tolist() == [b"a", 128 * b"b"]


def test_the_last_value_is_repeated_as_tensorflow_does():
    proto = tf.make_tensor_proto(2.5, shape=[2, 2])
    assert len(proto.float_val) == 1
    assert decode("x", ours(proto)).tolist() == [[2.5, 2.5], [2.5, 2.5]]


@pytest.mark.parametrize("shape", [(0,), (1, 0), (2, 0, 3)])
@pytest.mark.parametrize("dtype", ["float32", "O"])
def test_empty_tensors_keep_their_shape(shape, dtype):
    array = np.zeros(shape, dtype)
    assert decode("x", sent(array)).shape == shape


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([1, 2], "int64", [1, 2]),
        ([[1.5], [2.0]], "float32", [[1.5], [2.0]]),
        (["a", "b"], "O", [b"a", b"b"]),
        (True, "bool", True),
        (np.array([1.0]), "float64", [1.0]),
        (b"a", "O", b"a"),
    ],
)
def test_lists_get_the_dtypes_of_models(value, dtype, expected):
    array = to_array("x", value)
    assert array.dtype == dtype
    assert array.tolist() == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([[1], [1, 2]], "`x`: received nested lists of unequal lengths"),
        (["a", 1], "`x`: received text mixed with other types"),
        ([None], "`x`: received NoneType None"),
        ([], "`x`: received an empty list, expected an array"),
        (np.array([1j]), "`x`: received complex128, expected one of float32"),
    ],
)
def test_what_is_no_tensor_is_refused_with_its_name(value, text):
    with pytest.raises(InputError) as caught:
        to_array("x", value)
    assert text in str(caught.value)


def broken(**fields):
    sizes = fields.pop("sizes", [2])
    proto = Tensor(**fields)
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    return proto


@pytest.mark.parametrize(
    ("proto", "text"),
    [
        (broken(dtype=1, tensor_content=b"123"), "3 bytes of content, expected 8"),
        (broken(dtype=1), "received 0 values in float_val, expected 2"),
        (broken(dtype=1, float_val=[1, 2, 3]), "3 values in float_val, expected 2"),
        (broken(dtype=0), "received dtype number 0"),
        (broken(dtype=14), "received dtype number 14"),
        (broken(dtype=1, sizes=[-1]), "received a shape with unknown parts"),
        (broken(dtype=7, tensor_content=b"\x01"), "do not add up"),
        (broken(dtype=7, tensor_content=b"\x05\x05abc"), "do not add up"),
        (broken(dtype=1, float_val=[1], sizes=[1 << 40]), "at most 1073741824 bytes"),
    ],
)
def test_malformed_tensors_are_refused(proto, text):
    with pytest.raises(InputError) as caught:
        decode("price", proto)
    assert text in str(caught.value)
    assert "`price`" in str(caught.value)
