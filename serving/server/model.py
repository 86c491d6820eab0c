"""One loaded version of a model: its signatures, checked and run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfctr.errors import InputError, UnknownName
from tfctr.serving.server.refusals import Refusal
from tfctr.serving.signatures import TensorSpec, shape_of
from tfctr.serving.tensors import DTYPES, describe, type_name

__all__ = ["DEFAULT_SIGNATURE", "LoadedModel"]

DEFAULT_SIGNATURE = "serving_default"
_WIRE_NAMES = {kind.name for kind in DTYPES}
Arrays = dict[str, np.ndarray]


class LoadedModel:
    """A SavedModel in memory.

    Args:
        folder: `<base>/<version>`, with `saved_model.pb`.
        version: The version's number.
    """

    def __init__(self, folder: Path, version: int) -> None:
        self.folder = folder
        self.version = version
        self.signature_defs = _signature_defs(folder)
        self._loaded = tf.saved_model.load(str(folder))
        self._inputs = {
            name: {
                key: TensorSpec(key, type_name(info.dtype), shape_of(info))
                for key, info in signature.inputs.items()
            }
            for name, signature in self.signature_defs.items()
        }

    @property
    def signature_names(self) -> list[str]:
        """Names of the signatures that requests can call."""
        return sorted(self._loaded.signatures)

    def inputs_of(self, signature_name: str) -> dict[str, TensorSpec]:
        """What a signature expects, by input name.

        Raises:
            Refusal: The model has no such signature.
        """
        if signature_name not in self._loaded.signatures:
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                f'Serving signature key "{signature_name}" not found. '
                + str(UnknownName("signature", signature_name, self.signature_names)),
            )
        return self._inputs[signature_name]

    def output_names(
        self, signature_name: str, output_filter: Iterable[str]
    ) -> list[str]:
        """Names of the outputs to return; all for an empty filter.

        Raises:
            Refusal: The signature lacks an output of the filter.
        """
        known = self.signature_defs[signature_name].outputs
        for name in (names := list(output_filter)):
            if name not in known:
                raise Refusal(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"Signature {signature_name!r}: "
                    + str(UnknownName("output_filter", name, known)),
                )
        return names or sorted(known)

    def check(self, signature_name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Refuses inputs that the signature does not accept.

        Raises:
            InputError: A missing or unknown input, a wrong dtype or shape.
        """
        specs = self.inputs_of(signature_name)
        for name in arrays:
            if name not in specs:
                raise UnknownName(f"{signature_name} input", name, specs)
        for name, spec in specs.items():
            if name not in arrays:
                raise InputError(
                    name,
                    received=f"no such input; there are {sorted(arrays)}",
                    expected=f"{spec} in signature {signature_name!r}",
                )
            if not _fits(spec, arrays[name]):
                raise InputError(
                    name,
                    received=describe(arrays[name]),
                    expected=f"{spec} in signature {signature_name!r}",
                )

    def run(self, signature_name: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
        """Runs a signature on inputs that `check` accepted.

        Raises:
            Refusal: The model failed with a text that quotes bytes of the request.
        """
        signature = self._loaded.signatures[signature_name]
        tensors = {name: tf.constant(value) for name, value in arrays.items()}
        try:
            outputs = signature(**tensors).items()
        except UnicodeDecodeError as error:
            # TensorFlow cannot raise an error whose text is not UTF-8: all that is
            # left of it is the text, and only a request can have brought such bytes.
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"The model failed: {error.object.decode(errors='replace')}",
            ) from None
        return {name: _as_array(name, value) for name, value in outputs}


def _as_array(name: str, tensor: tf.Tensor) -> np.ndarray:
    if tensor.dtype.name not in _WIRE_NAMES:
        raise Refusal(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Output {name!r} has dtype {tensor.dtype.name}, which is not served here.",
        )
    return np.asarray(tensor.numpy(), object if tensor.dtype == tf.string else None)


def _fits(spec: TensorSpec, array: np.ndarray) -> bool:
    if describe(array).split(" ", 1)[0] != spec.dtype:
        return False
    if spec.shape is None:
        return True
    return len(spec.shape) == array.ndim and all(
        size is None or size == received
        for size, received in zip(spec.shape, array.shape, strict=True)
    )


def _signature_defs(folder: Path) -> dict[str, Any]:
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        if "serve" in graph.meta_info_def.tags:
            return dict(graph.signature_def)
    raise InputError(
        str(folder), received="no graph with the tag 'serve'", expected="one"
    )
