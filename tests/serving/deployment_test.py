"""Deployment files: they parse, and they agree with each other."""

from pathlib import Path

import pytest
import yaml
from google.protobuf import descriptor_pb2, text_format, wrappers_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from tensorflow_serving.config import model_server_config_pb2

import tfctr.serving
from tfctr.serving import backends

FOLDER = Path(tfctr.serving.__file__).parent / "deployment"
# Two of TF Serving's messages that `tensorflow-serving-api` does not carry.
NOT_IN_THE_API = """
name: "batching.proto" package: "serving" syntax: "proto3"
dependency: "google/protobuf/wrappers.proto"
message_type {{
  name: "BatchingParameters"
  field {{ name: "max_batch_size" number: 1 {int64} }}
  field {{ name: "batch_timeout_micros" number: 2 {int64} }}
  field {{ name: "max_enqueued_batches" number: 3 {int64} }}
  field {{ name: "num_batch_threads" number: 4 {int64} }}
  field {{ name: "pad_variable_length_inputs" number: 7 type: TYPE_BOOL }}
}}
message_type {{
  name: "PrometheusConfig"
  field {{ name: "enable" number: 1 type: TYPE_BOOL }}
  field {{ name: "path" number: 2 type: TYPE_STRING }}
}}
message_type {{
  name: "MonitoringConfig"
  field {{
    name: "prometheus_config" number: 1 type: TYPE_MESSAGE
    type_name: ".serving.PrometheusConfig"
  }}
}}
""".format(int64='type: TYPE_MESSAGE type_name: ".google.protobuf.Int64Value"')


def parse(file, message):
    return text_format.Parse((FOLDER / file).read_text(), message)


@pytest.fixture(scope="module")
def missing_messages():
    pool = DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    pool.Add(wrappers)
    pool.Add(text_format.Parse(NOT_IN_THE_API, descriptor_pb2.FileDescriptorProto()))
    return lambda name: GetMessageClass(pool.FindMessageTypeByName(f"serving.{name}"))()


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((FOLDER / "docker-compose.yml").read_text())["services"]


@pytest.fixture(scope="module")
def kubernetes():
    documents = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents}


@pytest.fixture(scope="module")
def model():
    config = parse("models.config", model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    return model


def test_the_model_configuration_parses(model):
    assert (model.name, model.base_path) == ("tfctr", "/models/tfctr")
    assert model.model_version_policy.latest.num_versions == 2


def test_the_batching_parameters_parse(missing_messages):
    config = parse("batching.config", missing_messages("BatchingParameters"))
    assert config.max_batch_size.value == 16
    assert config.batch_timeout_micros.value == 1000


def test_the_monitoring_configuration_parses(missing_messages):
    config = parse("monitoring.config", missing_messages("MonitoringConfig"))
    assert config.prometheus_config.enable
    assert config.prometheus_config.path == "/monitoring/prometheus/metrics"


def flag_files(arguments):
    return {a.rpartition("/")[2] for a in arguments if "_file=/config/" in a}


def test_compose_mounts_every_file_that_it_names(compose, model):
    service = compose["tfctr"]
    mounted = {volume.rsplit(":", 2)[1] for volume in service["volumes"]}
    assert mounted == {f"/config/{f}" for f in flag_files(service["command"])} | {
        model.base_path
    }
    assert all((FOLDER / file).is_file() for file in flag_files(service["command"]))


def test_kubernetes_probes_and_ports_are_those_of_the_container(kubernetes, model):
    pod = kubernetes["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    for probe in ("startupProbe", "readinessProbe"):
        get = container[probe]["httpGet"]
        assert get == {"path": f"/v1/models/{model.name}/metadata", "port": "rest"}
    assert all((FOLDER / file).is_file() for file in flag_files(container["args"]))
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["spec"]["volumes"]}


def test_the_service_selects_the_pods(kubernetes):
    pod = kubernetes["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert kubernetes["Service"]["spec"]["selector"] == pod
    ports = [port["targetPort"] for port in kubernetes["Service"]["spec"]["ports"]]
    assert ports == ["grpc", "rest"]


def test_every_file_names_one_image(compose, kubernetes):
    (container,) = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    images = {compose["tfctr"]["image"], container["image"], backends.IMAGE}
    assert len(images) == 1
