"""TF Serving's two gRPC services on top of the predictor."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfctr.serving.server.predictor import Predictor, Target
from tfctr.serving.server.refusals import Refusal, refusal_from
from tfctr.serving.signatures import VersionStatus
from tfctr.serving.tensors import decode, encode

__all__ = ["ModelService", "PredictionService", "metadata_response", "status_response"]

MAX_TEXT = 4000  # gRPC carries the text in a header of bounded size
T = TypeVar("T")


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the calls for `tf.Example` are not served.

    Args:
        predictor: Answers the requests.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        return _answer(context, lambda: self._predict(request, context))

    def GetModelMetadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        return _answer(context, lambda: metadata_response(self._predictor, request))

    def Classify(self, request: Any, context: grpc.ServicerContext) -> NoReturn:
        _unimplemented(context, "Classify")

    def Regress(self, request: Any, context: grpc.ServicerContext) -> NoReturn:
        _unimplemented(context, "Regress")

    def MultiInference(self, request: Any, context: grpc.ServicerContext) -> NoReturn:
        _unimplemented(context, "MultiInference")

    def _predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        answer = self._predictor.predict(
            target_of(request.model_spec),
            lambda *_: {k: decode(k, request.inputs[k]) for k in request.inputs},
            request.output_filter,
            context.time_remaining(),
        )
        response = predict_pb2.PredictResponse()
        _fill_spec(response.model_spec, request.model_spec.name, answer.version)
        response.model_spec.signature_name = answer.signature_name
        for name, value in answer.outputs.items():
            encode(value, response.outputs[name])
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; the configuration is fixed when the server starts.

    Args:
        predictor: Knows the model's versions.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def GetModelStatus(
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        return _answer(
            context,
            lambda: status_response(self._predictor, target_of(request.model_spec)),
        )

    def HandleReloadConfigRequest(
        self, request: Any, context: grpc.ServicerContext
    ) -> NoReturn:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "The embedded server keeps the model it was started with; new versions in"
            " its folder are loaded by themselves.",
        )
        raise RuntimeError("abort raises")


def target_of(spec: model_pb2.ModelSpec) -> Target:
    """What a request's `model_spec` names."""
    version = spec.version.value if spec.HasField("version") else None
    return Target(spec.name, version, spec.signature_name, spec.version_label)


def metadata_response(
    predictor: Predictor, request: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """Signatures of a version.

    Raises:
        Refusal: Unknown model or version, or another metadata field.
    """
    for field in request.metadata_field or ["nothing"]:
        if field != "signature_def":
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"`metadata_field`: received {field}, expected 'signature_def'.",
            )
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    with predictor.lease(target_of(request.model_spec)) as servable:
        _fill_spec(response.model_spec, request.model_spec.name, servable.version)
        table = get_model_metadata_pb2.SignatureDefMap(
            signature_def=servable.model.signature_defs
        )
    response.metadata["signature_def"].Pack(table)
    return response


def status_response(
    predictor: Predictor, target: Target
) -> get_model_status_pb2.GetModelStatusResponse:
    """State of one version or of all.

    Raises:
        Refusal: `NOT_FOUND` for an unknown model or version.
    """
    manager = predictor.manager
    states = manager.states() if target.model_name == manager.name else []
    if target.version is not None:
        states = [state for state in states if state.version == target.version]
    if not states:
        what = (
            f"any versions of model {target.model_name}"
            if target.version is None
            else f"version {target.version} of model {target.model_name}"
        )
        raise Refusal(
            grpc.StatusCode.NOT_FOUND,
            f"Could not find {what}. Served here: model {manager.name!r}, versions"
            f" {[state.version for state in manager.states()]}.",
        )
    response = get_model_status_pb2.GetModelStatusResponse()
    for state in states:
        _fill_status(response.model_version_status.add(), state)
    return response


def _fill_status(proto: Any, state: VersionStatus) -> None:
    proto.version = state.version
    proto.state = get_model_status_pb2.ModelVersionStatus.State.Value(state.state)
    proto.status.error_code = state.error_code
    proto.status.error_message = state.error_message


def _fill_spec(spec: model_pb2.ModelSpec, name: str, version: int) -> None:
    spec.name = name
    spec.version.value = version


def _answer(context: grpc.ServicerContext, call: Callable[[], T]) -> T:
    try:
        return call()
    except Exception as error:  # every error gets a code and a text
        refusal = refusal_from(error)
    context.abort(refusal.code, refusal.text[:MAX_TEXT])
    raise RuntimeError("abort raises")


def _unimplemented(context: grpc.ServicerContext, method: str) -> NoReturn:
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{method} is not served here. Call Predict with the signature"
        " 'serving_default', which takes serialized tf.Example.",
    )
    raise RuntimeError("abort raises")
