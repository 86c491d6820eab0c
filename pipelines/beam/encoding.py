"""Vectors of texts and images in bulk, by the encoders and the cache of the SDK."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np

from tfctr.data import write_vectors
from tfctr.data.cells import Array
from tfctr.data.encoders.contents import by_id, image_key, image_of, text_key
from tfctr.data.encoders.encoder import EncodeBatch, Encoder, as_encoder
from tfctr.data.encoders.encoding import vector_cache
from tfctr.data.encoders.running import DTYPES, Shard, narrowed
from tfctr.data.vector_files import check_folder
from tfctr.errors import InputError, UnknownName

__all__ = ["EncodeImages", "EncodeText", "WriteVectors"]

Found = tuple[str, Array | None]


class EncodeText(beam.PTransform):
    """Vectors of texts: pairs of id and text to pairs of id and vector.

    What `tfctr.data.encode_text` gives, in any order: float32 `(width,)`, or `None` for
    an item whose text is missing. Equal texts are encoded once. Workers write to the
    cache what they encoded, also if the run fails later.

    Args:
        encoder: As `tfctr.data.encode_text` takes it; a function must be picklable.
        encoder_name: Name and version of a function; vectors are cached by it.
        batch_size: Number of texts for one call of the encoder, at most.
        shard_size: Number of vectors in a file of the cache, about.
        cache_folder: Where vectors are cached: on a file system that the workers
            share, or each has its own; `~/.cache/tfctr/vectors` by default.

    Raises:
        InputError: A function without a name, or a library that is missing. Texts and
            vectors are refused when the pipeline runs.
        UnknownName: No such encoder.
    """

    kind = "text"

    def __init__(
        self,
        encoder: str | Path | EncodeBatch,
        *,
        encoder_name: str | None = None,
        batch_size: int = 64,
        shard_size: int = 1024,
        cache_folder: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.encoder = as_encoder(encoder, self.kind, encoder_name)
        self.batch_size, self.shard_size = batch_size, shard_size
        self.cache_folder, self.skip_unreadable = cache_folder, False
        if "://" in str(cache_folder):
            raise InputError(
                "cache_folder", received=str(cache_folder), expected="a local folder"
            )

    def expand(self, pairs: Any) -> Any:
        contents = (
            pairs
            | "Check" >> beam.Map(_checked, self.kind)
            | "ById" >> beam.GroupByKey()
            | "OneContent" >> beam.Map(_one_content, self.kind)
        )
        found = (
            contents
            | "Hash" >> beam.FlatMap(_hashed, self.kind, self.skip_unreadable)
            | "ByContent" >> beam.GroupByKey()
            | "Batches" >> beam.BatchElements(self.batch_size, self.batch_size)
            | "Encode" >> beam.ParDo(_Encode(self))
        )
        # Each item once: those that no batch answers for have no vector.
        return (
            {"item": contents, "vector": found}
            | "Join" >> beam.CoGroupByKey()
            | "Vectors" >> beam.Map(_joined)
        )


class EncodeImages(EncodeText):
    """Vectors of images: pairs of id and path to pairs of id and vector.

    As `EncodeText`; workers must be able to read the paths.

    Args:
        encoder: As `tfctr.data.encode_images` takes it; a function must be picklable.
        encoder_name: Name and version of a function; vectors are cached by it.
        batch_size: Number of images for one call of the encoder, at most.
        shard_size: Number of vectors in a file of the cache, about.
        cache_folder: Where vectors are cached; as in `EncodeText`.
        skip_unreadable: Whether an image that cannot be read counts as missing.
    """

    kind = "image"

    def __init__(
        self,
        encoder: str | EncodeBatch,
        *,
        encoder_name: str | None = None,
        batch_size: int = 32,
        shard_size: int = 1024,
        cache_folder: str | Path | None = None,
        skip_unreadable: bool = False,
    ) -> None:
        super().__init__(
            encoder,
            encoder_name=encoder_name,
            batch_size=batch_size,
            shard_size=shard_size,
            cache_folder=cache_folder,
        )
        self.skip_unreadable = skip_unreadable


class WriteVectors(beam.PTransform):
    """Pairs of id and vector to a folder, as `tfctr.data.read_vectors` reads it.

    One worker holds them all. Items stand in the order of their ids as texts.

    Args:
        folder: Gets `ids.npy` and `vectors.npy`.
        dtype: `"float16"` or `"float32"`.

    Raises:
        InputError: The folder has other files.
    """

    def __init__(self, folder: str | Path, dtype: str = "float16") -> None:
        super().__init__()
        if dtype not in DTYPES:
            raise UnknownName("dtype", dtype, DTYPES)
        check_folder(folder)
        self.folder, self.dtype = str(folder), dtype

    def expand(self, pairs: Any) -> Any:
        return (
            pairs
            | "Gather" >> beam.combiners.ToList()
            | "Write" >> beam.Map(_write, self.folder, self.dtype)
        )


class _Encode(beam.DoFn):
    """Encodes batches of contents that the cache lacks."""

    def __init__(self, settings: EncodeText) -> None:
        super().__init__()
        self.encoder: Encoder = settings.encoder
        self.kind, self.skip = settings.kind, settings.skip_unreadable
        self.cache_folder, self.shard_size = settings.cache_folder, settings.shard_size
        self._shard: Shard | None = None

    def setup(self) -> None:
        cache = vector_cache(self.cache_folder, self.kind, self.encoder)
        self._shard = Shard(cache, self.shard_size)

    def process(self, batch: Sequence[tuple[bytes, Iterable[Any]]]) -> Iterator[Found]:
        shard: Any = self._shard
        items = {key: list(values) for key, values in batch}
        rows = {
            key: [row] for row, key in enumerate(k for k in items if k in shard.cache)
        }
        vectors = np.empty((len(rows), shard.cache.width or 0), "float32")
        shard.cache.read(rows, vectors)
        found = dict(zip(rows, vectors, strict=True))
        new = {}
        for key in [key for key in items if key not in rows]:
            content = _loaded(items[key][0], self.kind, self.skip)
            if content is not None:
                new[key] = content
        found |= zip(new, self._encoded(new, items), strict=True)
        for key, vector in found.items():
            yield from ((name, vector) for name, _ in items[key])

    def finish_bundle(self) -> None:
        if self._shard is not None:
            self._shard.write()

    def _encoded(self, new: dict[bytes, Any], items: dict[bytes, Any]) -> Any:
        shard: Any = self._shard
        if not new:
            return []
        names = [items[key][0][0] for key in new]
        try:
            return shard.encode(self.encoder, list(new), list(new.values()), names)
        except BaseException:
            shard.write()  # what was encoded before stays
            raise


def _checked(pair: tuple[Any, Any], kind: str) -> tuple[str, str | None]:
    return next(iter(by_id([pair], kind).items()))


def _one_content(pair: tuple[str, Iterable[str | None]], kind: str) -> Any:
    name, contents = pair
    return name, by_id(((name, content) for content in contents), kind)[name]


def _hashed(pair: tuple[str, str | None], kind: str, is_skipped: bool) -> Iterator[Any]:
    name, content = pair
    if content is None:
        return
    try:
        key = text_key(content) if kind == "text" else image_key(name, content)
    except InputError:
        if not is_skipped:
            raise
        return
    yield key, (name, content)


def _loaded(item: tuple[str, str], kind: str, is_skipped: bool) -> Any:
    name, content = item
    if kind == "text":
        return content
    try:
        return image_of(name, content)
    except InputError:
        if not is_skipped:
            raise
        return None


def _joined(pair: tuple[str, dict[str, Iterable[Any]]]) -> Found:
    name, found = pair
    return name, next(iter(found["vector"]), None)


def _write(pairs: Sequence[Found], folder: str, dtype: str) -> None:
    pairs = sorted(pairs, key=lambda pair: pair[0])
    widths = {len(vector) for _, vector in pairs if vector is not None}
    if len(widths) != 1:
        raise InputError(
            "items",
            received=f"vectors of widths {sorted(widths)} of {len(pairs)} items",
            expected="vectors of one width",
        )
    nothing = np.full(widths.pop(), np.nan, "float32")
    vectors = np.stack([nothing if v is None else v for _, v in pairs])
    ids = [name for name, _ in pairs]
    write_vectors(folder, ids, narrowed(vectors, ids, dtype))
