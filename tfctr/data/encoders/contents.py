"""Texts and images by id: each id once, each content by its hash."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tfctr.data.cells import Array
from tfctr.data.encoders.cache import KEY_BYTES
from tfctr.errors import InputError

__all__ = ["by_id", "checked_path", "checked_text", "image_key", "image_of", "text_key"]

Pairs = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


def by_id(pairs: Pairs, kind: str) -> dict[str, str | None]:
    """Text or path of each id, `None` where there is none.

    Args:
        pairs: A mapping, or pairs.
        kind: `"text"` or `"image"`.

    Raises:
        InputError: An id is missing, or twice with another content; a text is no text.
    """
    check = checked_text if kind == "text" else checked_path
    found: dict[str, str | None] = {}
    for one, content in pairs.items() if isinstance(pairs, Mapping) else pairs:
        name = "" if _is_missing(one) else str(one)
        if not name:
            raise InputError("ids", received=repr(one), expected="an id")
        value = check(name, content)
        if found.setdefault(name, value) != value:
            raise InputError(
                "ids",
                received=f"item {name} twice: {found[name]!r:.60} and {value!r:.60}",
                expected="one content for each item",
            )
    return found


def checked_text(name: str, value: Any) -> str | None:
    """A text, or `None` if it is missing or blank."""
    if _is_missing(value):
        return None
    if not isinstance(value, str):
        raise InputError(
            f"text of item {name}", received=repr(value), expected="a text"
        )
    return value if value.strip() else None


def checked_path(name: str, value: Any) -> str | None:
    """A path, or `None` if it is missing or blank."""
    if _is_missing(value):
        return None
    if not isinstance(value, str | Path):
        raise InputError(
            f"image of item {name}", received=repr(value), expected="a path"
        )
    return str(value) if str(value).strip() else None


def text_key(text: str) -> bytes:
    """What a text is cached by."""
    return hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES
    ).digest()


def image_key(name: str, path: str) -> bytes:
    """What an image is cached by: the hash of its file.

    Raises:
        InputError: The file cannot be read; names item and file.
    """
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "blake2b")
    except OSError as error:
        raise _unreadable(name, path, error.strerror or str(error)) from error
    return digest.digest()[:KEY_BYTES]


def image_of(name: str, path: str) -> Array:
    """Pixels of a JPEG, PNG, GIF (its first frame) or BMP: uint8 `(height, width, 3)`.

    Raises:
        InputError: The file is no such image; names item and file.
    """
    import tensorflow as tf

    try:
        content = Path(path).read_bytes()
        image = tf.io.decode_image(content, channels=3, expand_animations=False)
    except OSError as error:
        raise _unreadable(name, path, error.strerror or str(error)) from error
    except tf.errors.OpError as error:
        raise _unreadable(name, path, str(error.message)[:120]) from error
    pixels: Array = image.numpy()
    return pixels


def _unreadable(name: str, path: str, why: str) -> InputError:
    return InputError(
        f"image of item {name}",
        received=f"{path}: {why}",
        expected="a JPEG, PNG, GIF or BMP",
    )


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
