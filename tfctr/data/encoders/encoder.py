"""What an encoder is: a name that its vectors are cached by, and a function."""

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfctr.data.cells import Array
from tfctr.data.encoders.named import IMAGE_ENCODERS, TEXT_ENCODERS, transformers_folder
from tfctr.errors import InputError, UnknownName

__all__ = ["EncodeBatch", "Encoder", "as_encoder", "vectors_of_batch"]

EncodeBatch = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True)
class Encoder:
    """An encoder that is loaded when it is first needed.

    Args:
        name: Name and version; other vectors have another name.
        make: Gives the function from a batch to floats `(batch, width)`.
    """

    name: str
    make: Callable[[], EncodeBatch]

    @functools.cached_property
    def function(self) -> EncodeBatch:
        """The function itself; libraries and weights are loaded here."""
        return self.make()


def as_encoder(
    encoder: str | Path | EncodeBatch, kind: str, encoder_name: str | None = None
) -> Encoder:
    """Finds an encoder; does not load it.

    Args:
        encoder: A function, `"module:function"`, a known name or a folder of
            transformers.
        kind: `"text"` or `"image"`.
        encoder_name: Name and version of a function.

    Raises:
        InputError: A function without a name, or with one that is not there.
        UnknownName: No such encoder.
    """
    if callable(encoder):
        return Encoder(_stated(encoder_name), functools.partial(_given, encoder))
    name = str(encoder)
    known = TEXT_ENCODERS if kind == "text" else IMAGE_ENCODERS
    if name in known:
        version, make = known[name]()
        return Encoder(_joined(version, encoder_name), make)
    if kind == "text" and Path(name).is_dir():
        version, make = transformers_folder(Path(name))
        return Encoder(_joined(version, encoder_name), make)
    if ":" in name:
        return Encoder(_stated(encoder_name), functools.partial(_imported, name))
    raise UnknownName("encoder", name, [*known, "a folder", "module:function"])


def vectors_of_batch(
    encoder: Encoder, batch: Sequence[Any], ids: Sequence[str], width: int | None
) -> Array:
    """Vectors of a batch, checked: float32 `(batch, width)`.

    Args:
        encoder: The encoder.
        batch: Texts or images.
        ids: An item of each, for the error.
        width: Width of the vectors before, if there are some.

    Raises:
        InputError: Another number or width of vectors, or one that is not finite.
    """
    made = np.asarray(encoder.function(batch))
    if made.ndim != 2 or len(made) != len(batch) or made.dtype.kind not in "fiu":
        raise InputError(
            "encoder",
            received=f"{made.dtype} of shape {made.shape} for {len(batch)} items",
            expected="one vector of numbers for each",
        )
    if not made.shape[1] or made.shape[1] != (width or made.shape[1]):
        raise InputError(
            "encoder",
            received=f"vectors of width {made.shape[1]}, first for item {ids[0]}",
            expected=f"width {width}, as before" if width else "a width of at least 1",
            hint="Another version of an encoder needs another `encoder_name`.",
        )
    with np.errstate(over="ignore"):
        vectors = made.astype("float32")
    for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1))[:1]:
        raise InputError(
            "encoder",
            received=f"NaN or infinity in the vector of item {ids[row]}",
            expected="finite numbers",
        )
    return vectors


def _given(function: EncodeBatch) -> EncodeBatch:
    return function


def _imported(name: str) -> EncodeBatch:
    module, _, attribute = name.partition(":")
    try:
        found: EncodeBatch = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            "encoder", received=name, expected="module:function", hint=str(error)
        ) from error
    if not callable(found):
        raise InputError("encoder", received=repr(found), expected="a function")
    return found


def _stated(name: str | None) -> str:
    if not name or not name.strip():
        raise InputError(
            "encoder_name",
            received="nothing, for a function of your own",
            expected="its name and version: vectors are cached by it",
        )
    return name


def _joined(version: str, name: str | None) -> str:
    return f"{name}:{version}" if name else version
