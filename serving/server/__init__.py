"""Embedded model server for development and tests, with TF Serving's interface."""

try:
    import tensorflow_serving.apis  # noqa: F401
except ImportError as error:
    raise ImportError(
        "tfctr.serving.server needs tensorflow-serving-api and tensorflow. "
        "Install them with: pip install 'tfctr[serving]'"
    ) from error

from tfctr.serving.server.options import BatchingOptions, ServerOptions
from tfctr.serving.server.server import EmbeddedServer

__all__ = ["BatchingOptions", "EmbeddedServer", "ServerOptions"]
