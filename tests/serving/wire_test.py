"""Messages without TensorFlow: the same bytes as TF Serving's own."""

import subprocess
import sys

import pytest
from google.protobuf import any_pb2, wrappers_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    status_pb2,
)

from tfctr.serving.wire import MESSAGES, message

THEIRS = {
    "Dim": tensor_shape_pb2.TensorShapeProto.Dim,
    "TensorShape": tensor_shape_pb2.TensorShapeProto,
    "Tensor": tensor_pb2.TensorProto,
    "Int64Value": wrappers_pb2.Int64Value,
    "ModelSpec": model_pb2.ModelSpec,
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "Status": status_pb2.StatusProto,
    "ModelVersionStatus": get_model_status_pb2.ModelVersionStatus,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "Any": any_pb2.Any,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "TensorInfo": meta_graph_pb2.TensorInfo,
    "SignatureDef": meta_graph_pb2.SignatureDef,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
}
# Enums travel as int32 does.
SAME_ON_THE_WIRE = {14: 5}


def shape(field):
    kind = SAME_ON_THE_WIRE.get(field.type, field.type)
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        return "map", *(shape(entry.fields_by_name[k]) for k in ("key", "value"))
    return field.number, kind, field.is_repeated, field.is_packed


@pytest.mark.parametrize("name", MESSAGES)
def test_every_field_has_the_number_and_type_of_tf_servings(name):
    theirs = THEIRS[name].DESCRIPTOR.fields_by_name
    for field in message(name).DESCRIPTOR.fields:
        assert shape(field) == shape(theirs[field.name]), field.name


def test_a_request_is_the_same_bytes():
    fields = {
        "model_spec": {"name": "m", "version": {"value": 3}, "signature_name": "s"},
        "output_filter": ["a", "b"],
    }
    ours = message("PredictRequest")(**fields)
    theirs = predict_pb2.PredictRequest(**fields)
    for request in (ours, theirs):
        tensor = request.inputs["x"]
        tensor.dtype = 1
        tensor.tensor_shape.dim.add(size=2)
        tensor.float_val.extend([1.5, -2.0])
    assert ours.SerializeToString() == theirs.SerializeToString()


def test_the_client_does_not_load_tensorflow():
    code = (
        "import sys, tfctr; before = set(sys.modules)\n"
        "import tfctr.serving\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new & {'tensorflow', 'tensorflow_serving', 'keras', 'pandas'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
