"""TF Serving's messages, as far as a client needs them, without TensorFlow.

The classes of `tensorflow-serving-api` import all of TensorFlow, which costs a
client seconds at start. Protocol buffers identify fields by number, so messages with
the same numbers and types are the same bytes. They live in a pool of their own and
do not meet the ones of TensorFlow in one process; a test holds the two equal.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.descriptor_pb2 import FileDescriptorProto as File
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

__all__ = ["MESSAGES", "message"]

PACKAGE = "tfctr.wire"

# Message -> fields as "number [repeated|map] type name"; `map` has string keys.
MESSAGES: dict[str, tuple[str, ...]] = {
    "Dim": ("1 int64 size", "2 string name"),
    "TensorShape": ("2 repeated Dim dim", "3 bool unknown_rank"),
    "Tensor": (
        "1 int32 dtype",
        "2 TensorShape tensor_shape",
        "3 int32 version_number",
        "4 bytes tensor_content",
        "5 repeated float float_val",
        "6 repeated double double_val",
        "7 repeated int32 int_val",
        "8 repeated bytes string_val",
        "10 repeated int64 int64_val",
        "11 repeated bool bool_val",
        "13 repeated int32 half_val",
        "16 repeated uint32 uint32_val",
        "17 repeated uint64 uint64_val",
    ),
    "Int64Value": ("1 int64 value",),
    "ModelSpec": (
        "1 string name",
        "2 Int64Value version",
        "3 string signature_name",
        "4 string version_label",
    ),
    "PredictRequest": (
        "1 ModelSpec model_spec",
        "2 map Tensor inputs",
        "3 repeated string output_filter",
    ),
    "PredictResponse": ("1 map Tensor outputs", "2 ModelSpec model_spec"),
    "GetModelStatusRequest": ("1 ModelSpec model_spec",),
    "Status": ("1 int32 error_code", "2 string error_message"),
    "ModelVersionStatus": ("1 int64 version", "2 int32 state", "3 Status status"),
    "GetModelStatusResponse": ("1 repeated ModelVersionStatus model_version_status",),
    "GetModelMetadataRequest": (
        "1 ModelSpec model_spec",
        "2 repeated string metadata_field",
    ),
    "Any": ("1 string type_url", "2 bytes value"),
    "GetModelMetadataResponse": ("1 ModelSpec model_spec", "2 map Any metadata"),
    "TensorInfo": ("1 string name", "2 int32 dtype", "3 TensorShape tensor_shape"),
    "SignatureDef": (
        "1 map TensorInfo inputs",
        "2 map TensorInfo outputs",
        "3 string method_name",
    ),
    "SignatureDefMap": ("1 map SignatureDef signature_def",),
}


def message(name: str) -> Any:
    """The message class called `name` in `MESSAGES`.

    >>> message("ModelSpec")(name="m", version={"value": 3}).version.value
    3
    """
    return _CLASSES[name]


def _add_field(owner: DescriptorProto, line: str, path: str) -> None:
    number, *kind, name = line.split()
    field = owner.field.add(name=name, number=int(number))
    field.label = FieldDescriptorProto.LABEL_OPTIONAL
    if len(kind) == 2:
        field.label = FieldDescriptorProto.LABEL_REPEATED
    if kind[0] == "map":
        entry = owner.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add_field(entry, "1 string key", path)
        _add_field(entry, f"2 {kind[1]} value", path)
        _set_type(field, f"{path}.{entry.name}")
    else:
        _set_type(field, kind[-1])


def _set_type(field: FieldDescriptorProto, kind: str) -> None:
    if kind[0].islower():
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{kind}"


def _classes() -> dict[str, Any]:
    file = File(name="tfctr/serving/wire.proto", package=PACKAGE, syntax="proto3")
    for name, lines in MESSAGES.items():
        owner = file.message_type.add(name=name)
        for line in lines:
            _add_field(owner, line, name)
    pool = DescriptorPool()
    pool.Add(file)
    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in MESSAGES
    }


_CLASSES = _classes()
