"""JSON to arrays, where a whole server is not needed."""

import pytest

from tfctr.errors import InputError
from tfctr.serving.server.rest_json import JsonRequest
from tfctr.serving.signatures import TensorSpec


def array(body, *spec):
    return JsonRequest(body).arrays({"x": TensorSpec("x", *spec)})["x"]


@pytest.mark.parametrize(
    ("body", "shape", "expected"),
    [
        (b'{"inputs": {"x": []}}', (None, None), (0, 0)),
        (b'{"inputs": {"x": [[]]}}', (None, None, 3), (1, 0, 3)),
        (b'{"instances": [{"x": []}, {"x": []}]}', (None, None, 3), (2, 0, 3)),
        (b'{"inputs": {"x": [[]]}}', None, (1, 0)),
    ],
)
def test_empty_lists_get_the_axes_inside_them_from_the_signature(body, shape, expected):
    assert array(body, "string", shape).shape == expected


def test_numbers_out_of_range_are_refused():
    with pytest.raises(InputError, match="`x`: received a number out of range"):
        array(b'{"inputs": {"x": [9223372036854775808]}}', "int64", (None,))


def test_whole_numbers_are_floats_where_floats_are_expected_not_the_other_way():
    assert array(b'{"inputs": {"x": [1]}}', "float32", (None,)).dtype == "float32"
    with pytest.raises(InputError, match=r"received 1\.5, expected int64"):
        array(b'{"inputs": {"x": [1.5]}}', "int64", (None,))


def test_base64_is_bytes():
    assert array(b'{"inputs": {"x": [{"b64": "/w=="}]}}', "string", (None,)) == [
        b"\xff"
    ]
