"""What a model server tells about a model: signatures and versions."""

from dataclasses import dataclass
from typing import Any

from tfctr.errors import UnknownName
from tfctr.serving.tensors import type_name
from tfctr.serving.wire import message

__all__ = [
    "ModelMetadata",
    "Signature",
    "TensorSpec",
    "VersionStatus",
    "parse_metadata",
]

STATES = {10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a signature.

    Args:
        name: Its name in requests or responses.
        dtype: TensorFlow's name of the dtype, for example `"string"`.
        shape: Sizes, `None` where any size will do; `None` for any rank.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        sizes = "of any rank" if self.shape is None else list(self.shape)
        return f"{self.dtype} {sizes}".replace("None", "?")


@dataclass(frozen=True)
class Signature:
    """What a signature takes and gives.

    Args:
        inputs: Inputs by name.
        outputs: Outputs by name.
    """

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]


@dataclass(frozen=True)
class ModelMetadata:
    """A served model.

    Args:
        name: Its name in requests.
        version: The version that the rest is about.
        signatures: Signatures by name.
    """

    name: str
    version: int
    signatures: dict[str, Signature]

    def signature(self, name: str) -> Signature:
        """The signature called `name`.

        Raises:
            UnknownName: The model has none of that name.
        """
        if name not in self.signatures:
            raise UnknownName("signature", name, self.signatures)
        return self.signatures[name]


@dataclass(frozen=True)
class VersionStatus:
    """State of one version of a model.

    Args:
        version: Its number.
        state: `"START"`, `"LOADING"`, `"AVAILABLE"`, `"UNLOADING"` or `"END"`.
        error_code: Number of the gRPC code if it failed to load, else 0.
        error_message: Why it failed to load.
    """

    version: int
    state: str
    error_code: int = 0
    error_message: str = ""


def parse_metadata(response: Any) -> ModelMetadata:
    """Reads a `GetModelMetadataResponse`."""
    table = message("SignatureDefMap")()
    table.ParseFromString(response.metadata["signature_def"].value)
    signatures = {
        name: Signature(_specs(value.inputs), _specs(value.outputs))
        for name, value in table.signature_def.items()
        if not name.startswith("__")  # TensorFlow's own, for initialisation
    }
    spec = response.model_spec
    return ModelMetadata(spec.name, spec.version.value, signatures)


def parse_status(entry: Any) -> VersionStatus:
    """Reads a `ModelVersionStatus`."""
    return VersionStatus(
        entry.version,
        STATES.get(entry.state, "UNKNOWN"),
        entry.status.error_code,
        entry.status.error_message,
    )


def _specs(infos: Any) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(name, type_name(infos[name].dtype), shape_of(infos[name]))
        for name in sorted(infos)
    }


def shape_of(info: Any) -> tuple[int | None, ...] | None:
    """Shape in a `TensorInfo`, `None` for what is unknown."""
    shape = info.tensor_shape
    if shape.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else int(dim.size) for dim in shape.dim)
