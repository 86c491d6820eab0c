"""Warm-up requests run before a version serves."""

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfctr.errors import InputError
from tfctr.serving.server import EmbeddedServer, ServerOptions
from tfctr.serving.server.warmup import warm_up


def write(folder, *records):
    file = folder / "assets.extra" / "tf_serving_warmup_requests"
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in records:
            data = record if isinstance(record, bytes) else record.SerializeToString()
            writer.write(data)
    return file


def plus(value):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = "plus"
    tensor = tf.make_tensor_proto([value], tf.float32)
    log.predict_log.request.inputs["x"].CopyFrom(tensor)
    return log


def test_requests_run_in_order(tmp_path):
    write(tmp_path, plus(1.0), plus(2.0))
    ran = []
    count = warm_up(tmp_path, lambda name, x: ran.append((name, x["x"].tolist())))
    assert count == 2
    assert ran == [("plus", [1.0]), ("plus", [2.0])]


def test_models_without_requests_load(tmp_path):
    assert warm_up(tmp_path, lambda *_: None) == 0


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([b"\xff\xff"], "record 0: `warm-up request`: received Error parsing"),
        ([plus(1.0), plus(-1.0)], "record 1: The model failed"),
        (
            [prediction_log_pb2.PredictionLog()],
            "record 0: `warm-up request`: received None, expected predict_log",
        ),
    ],
)
def test_requests_that_fail_fail_the_load_with_their_number(base, records, text):
    file = write(base / "1", *records)
    with pytest.raises(InputError) as caught:
        EmbeddedServer("m", base, ServerOptions(poll_seconds=0)).start()
    assert text in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_file_that_is_no_record_file_fails_the_load(base):
    write(base / "1").write_bytes(b"not records at all")
    with pytest.raises(
        InputError, match=r"tf_serving_warmup_requests`: .*corrupted record"
    ):
        EmbeddedServer("m", base, ServerOptions(poll_seconds=0)).start()


def test_good_requests_let_the_model_serve(base):
    write(base / "1", plus(1.0))
    with EmbeddedServer("m", base, ServerOptions(poll_seconds=0)) as server:
        assert [s.state for s in server.manager.states()] == ["AVAILABLE"]
