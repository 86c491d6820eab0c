"""REST gives what gRPC gives, in TF Serving's JSON."""

import base64
import http.client
import json
import re
import urllib.error
import urllib.request

import numpy as np
import pytest

USERS = {
    "user_id": ["u1", "u2"],
    "age": [30.0, 20.5],
    "history_item_id": [["i1", "i2", ""], ["i5", "", ""]],
    "item_id": [["i1", "i5", "i9"], ["i5", "i6", "i7"]],
}
ROWS = [{name: USERS[name][n] for name in USERS} for n in range(2)]


@pytest.fixture
def call(served):
    def send(path, body=None, method=None):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        data = data.encode() if isinstance(data, str) else data
        request = urllib.request.Request(served.rest_url + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return send


@pytest.fixture
def post(call):
    def send(body, path="/v1/models/small:predict"):
        status, text = call(path, body)
        return status, json.loads(text)

    return send


def arrays(value):
    return {
        name: np.array(v, dtype="float32" if name == "age" else object)
        for name, v in value.items()
    }


def test_columns_equal_grpc(client, post):
    status, answer = post({"signature_name": "pre_ranking", "inputs": USERS})
    expected = client.predict(arrays(USERS), "pre_ranking")
    assert status == 200
    assert sorted(answer["outputs"]) == sorted(expected)
    for name in ("score", "top_score", "top_index"):
        np.testing.assert_array_equal(
            np.array(answer["outputs"][name], expected[name].dtype), expected[name]
        )
    ids = [[i.decode() for i in row] for row in expected["top_item_id"].tolist()]
    assert answer["outputs"]["top_item_id"] == ids


def test_rows_equal_grpc(client, post):
    status, answer = post({"signature_name": "ranking_by_id", "instances": ROWS})
    expected = client.predict(arrays(USERS), "ranking_by_id")
    assert status == 200
    for n, row in enumerate(answer["predictions"]):
        assert sorted(row) == ["buy", "click", "score"]
        for name, value in row.items():
            np.testing.assert_array_equal(np.array(value, "float32"), expected[name][n])


def test_one_input_and_one_output_need_no_names(post):
    body = {"signature_name": "total", "inputs": [1, 2.5]}
    assert post(body) == (200, {"outputs": 3.5})
    encoded = base64.b64encode(b"\n\x10\n\x0e\n\x03age\x12\x07\x12\x05\n\x03").decode()
    status, answer = post({"instances": [{"b64": encoded}]})
    assert (status, "The model failed" in answer["error"]) == (400, True)


def test_named_versions_answer(post):
    body = {"signature_name": "plus", "inputs": {"x": [1.0]}}
    status, answer = post(body, "/v1/models/small/versions/7:predict")
    assert (status, answer["outputs"]["y"]) == (200, [101.0])
    status, answer = post(body, "/v1/models/small/versions/8:predict")
    assert (status, "Specific(small, 8)" in answer["error"]) == (404, True)


def test_no_candidates_reach_the_model(post):
    body = {"signature_name": "pre_ranking", "inputs": USERS | {"item_id": [[], []]}}
    status, answer = post(body)
    assert (status, answer["outputs"]["score"]) == (200, [[], []])


def test_numbers_that_are_no_numbers_are_written_as_tf_serving_does(call):
    body = {"signature_name": "plus", "inputs": {"x": [float("inf")]}}
    status, text = call("/v1/models/small:predict", body)
    assert (status, json.loads(text)["outputs"]["y"]) == (200, [float("inf")])
    assert "Infinity" in text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "`body`: received Expecting property name"),
        (b"[" * 100_000, "`body`: received maximum recursion depth"),
        ({"x": 1}, "expected an object with either 'instances' or 'inputs'"),
        ([1], "`body`: received no keys"),
        ({"inputs": 1, "instances": [1]}, "`body`: received keys"),
        ({"signature_name": 3, "inputs": 1}, "`signature_name`: received 3"),
        ({"signature_name": "plsu", "inputs": 1}, "Did you mean 'plus'?"),
        ({"signature_name": "plus", "inputs": {"z": [1]}}, "`input`: received 'z'"),
        ({"signature_name": "plus", "inputs": {}}, "`x`: received no such input"),
        (
            {"signature_name": "plus", "inputs": {"x": ["one"]}},
            '`x`: received "one", expected float32 [?]',
        ),
        ({"signature_name": "plus", "inputs": {"x": [None]}}, "received null"),
        ({"signature_name": "plus", "inputs": {"x": [True]}}, "received true"),
        (
            {"signature_name": "plus", "inputs": {"x": [[1], [1, 2]]}},
            "`x`: received lists of unequal lengths, expected float32 [?]",
        ),
        (
            {"signature_name": "plus", "inputs": {"x": [[1]]}},
            "`x`: received float32 [1, 1], expected float32 [?]",
        ),
        (
            {"signature_name": "pre_ranking", "inputs": [1]},
            "`inputs`: received values without names",
        ),
        (
            {"signature_name": "pre_ranking", "instances": [ROWS[0], {"age": 1.0}]},
            "`instances[1]`: received ['age'], expected the keys of the first row",
        ),
        ({"instances": []}, "`instances`: received [], expected a list with rows"),
        ({"instances": [{"b64": "%"}]}, "expected base64"),
        ({"instances": [1]}, "`examples`: received 1, expected string [?]"),
        (
            {"signature_name": "total", "instances": [1, 2]},
            "`sum`: received an output of shape [], expected 2 rows",
        ),
    ],
)
def test_wrong_bodies_are_bad_requests_that_name_the_field(post, body, text):
    status, answer = post(body)
    assert status == 400
    assert text in answer["error"]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/models/smal:predict", {"inputs": 1}, 404),
        ("/v1/models/small:classify", {"examples": []}, 501),
        ("/v1/models/small", {"inputs": 1}, 405),
        ("/v1/models/small:predict", None, 405),
        ("/v1/models/smal", None, 404),
        ("/v1/models/smal/metadata", None, 404),
        ("/v2", None, 404),
    ],
)
def test_wrong_paths_have_their_status_and_a_text(call, path, body, expected):
    status, text = call(path, body)
    assert status == expected
    assert json.loads(text)["error"]


def test_bodies_over_the_limit_and_without_a_length_are_refused(served):
    host = served.rest_url.removeprefix("http://")
    for headers, status in (({"Content-Length": str(1 << 40)}, 413), ({}, 411)):
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.putrequest("POST", "/v1/models/small:predict")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        with connection.getresponse() as response:
            assert response.status == status
        connection.close()


def test_status_is_that_of_tf_serving(call):
    status, text = call("/v1/models/small")
    assert status == 200
    assert json.loads(text) == {
        "model_version_status": [
            {
                "version": "7",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
    assert call("/v1/models/small/versions/7")[0] == 200
    assert call("/v1/models/small/versions/8")[0] == 404


def test_metadata_has_the_signatures(call):
    status, text = call("/v1/models/small/metadata")
    data = json.loads(text)
    assert (status, data["model_spec"]["name"]) == (200, "small")
    assert data["model_spec"]["version"] == "7"
    signatures = data["metadata"]["signature_def"]["signature_def"]
    age = signatures["ranking"]["inputs"]["age"]
    assert age["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in age["tensor_shape"]["dim"]] == ["-1"]


def test_health(call):
    assert call("/healthz") == (200, "ok\n")


def counted(text, code):
    found = re.search(
        r'^tfctr_requests_total{model="small",signature="total",'
        rf'code="{code}"}} (\d+)$',
        text,
        re.MULTILINE,
    )
    return int(found[1]) if found else 0


@pytest.mark.parametrize("path", ["/metrics", "/monitoring/prometheus/metrics"])
def test_metrics_count_requests_by_signature_and_code(call, client, post, path):
    before = call(path)[1]
    client.predict({"x": [1.0]}, "total")
    post({"signature_name": "total", "inputs": "wrong"})
    status, after = call(path)
    assert status == 200
    assert counted(after, "OK") == counted(before, "OK") + 1
    assert counted(after, "INVALID_ARGUMENT") == counted(before, "INVALID_ARGUMENT") + 1
    assert (
        'tfctr_model_version_state{model="small",version="7",state="AVAILABLE"} 1'
        in (after)
    )
    for line in after.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .+|\w+\{[^{}]*\} [-+.\deInf]+", line), line


def test_unknown_signatures_do_not_become_labels(call, post):
    post({"signature_name": "made up", "inputs": 1})
    text = call("/metrics")[1]
    assert "made up" not in text
    assert 'signature="unknown",code="INVALID_ARGUMENT"' in text
