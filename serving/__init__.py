"""Serving: an embedded server, a typed client, the cascade and a load test.

Importing the client side takes no TensorFlow; only `tfctr.serving.server` needs it.
"""

try:
    import grpc  # noqa: F401
except ImportError as error:
    raise ImportError(
        "tfctr.serving needs grpcio. Install it with: pip install 'tfctr[serving]'"
    ) from error

from tfctr.serving.cascade import CascadeClient, RankedItem
from tfctr.serving.client import PredictClient
from tfctr.serving.errors import ServingError
from tfctr.serving.launch import launch
from tfctr.serving.process import ServerProcess
from tfctr.serving.signatures import ModelMetadata, Signature, TensorSpec, VersionStatus

__all__ = [
    "CascadeClient",
    "ModelMetadata",
    "PredictClient",
    "RankedItem",
    "ServerProcess",
    "ServingError",
    "Signature",
    "TensorSpec",
    "VersionStatus",
    "launch",
]
