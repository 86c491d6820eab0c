"""From contents to a folder of vectors, by way of the cache."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from tfctr.data.cells import Array
from tfctr.data.encoders.cache import VectorCache
from tfctr.data.encoders.encoder import Encoder, vectors_of_batch
from tfctr.data.vector_files import check_folder, write_vectors
from tfctr.errors import InputError, UnknownName

__all__ = [
    "DTYPES",
    "Encoded",
    "Job",
    "Settings",
    "Shard",
    "jobs_of",
    "narrowed",
    "run",
]

SECONDS_A_SHARD = 30.0
DTYPES = ("float16", "float32")


@dataclass(frozen=True)
class Encoded:
    """What was done.

    Attributes:
        folder: Folder of vectors, as `tfctr.data.read_vectors` reads it.
        items: Number of items, those without a vector too.
        missing: Number of items without a text or image, whose vectors are NaN.
        encoded: Number of contents that the encoder encoded now.
        cached: Number of contents that the cache had.
        width: Width of a vector.
    """

    folder: Path
    items: int
    missing: int
    encoded: int
    cached: int
    width: int


@dataclass(frozen=True)
class Settings:
    """How to encode; see `tfctr.data.encode_text`."""

    folder: Path
    dtype: str
    batch_size: int
    shard_size: int
    show_progress: bool

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise UnknownName("dtype", self.dtype, DTYPES)
        for name in ("batch_size", "shard_size"):
            if getattr(self, name) < 1:
                raise InputError(name, received=getattr(self, name), expected=">= 1")
        check_folder(self.folder)


@dataclass(frozen=True)
class Job:
    """A content that is to be encoded, and the first of its items."""

    key: bytes
    name: str
    content: str


def jobs_of(keys: Mapping[str, bytes], contents: Mapping[str, str | None]) -> list[Job]:
    """Each content once."""
    found: dict[bytes, Job] = {}
    for name, key in keys.items():
        found.setdefault(key, Job(key, name, contents[name] or ""))
    return list(found.values())


class Shard:
    """Vectors that wait to be written to the cache.

    Args:
        cache: The cache.
        size: Number of vectors to write at once; fewer if they took long.
    """

    def __init__(self, cache: VectorCache, size: int) -> None:
        self.cache, self.size, self.width = cache, size, cache.width
        self._keys: list[bytes] = []
        self._vectors: list[Array] = []
        self._written = time.monotonic()

    def encode(
        self,
        encoder: Encoder,
        keys: Sequence[bytes],
        contents: Sequence[Any],
        names: Sequence[str],
    ) -> Array:
        """Encodes a batch; writes what is complete.

        Args:
            encoder: The encoder.
            keys: Hash of each content.
            contents: Texts or images.
            names: An item of each, for errors.
        """
        vectors = vectors_of_batch(encoder, contents, names, self.width)
        self.width = vectors.shape[1]
        self._keys += keys
        self._vectors.append(vectors)
        is_late = time.monotonic() - self._written > SECONDS_A_SHARD
        if len(self._keys) >= self.size or is_late:
            self.write()
        return vectors

    def write(self) -> None:
        """Writes what waits."""
        if self._keys:
            self.cache.add(self._keys, np.concatenate(self._vectors))
        self._keys, self._vectors = [], []
        self._written = time.monotonic()


def run(
    ids: Sequence[str],
    keys: Mapping[str, bytes],
    jobs: Sequence[Job],
    load: Callable[[Job], Any],
    encoder: Encoder,
    cache: VectorCache,
    settings: Settings,
) -> Encoded:
    """Encodes what the cache lacks, then writes the folder."""
    new = [job for job in jobs if job.key not in cache]
    encoded = _encode_new(new, load, encoder, cache, settings) if new else 0
    rows_of: dict[bytes, list[int]] = {}
    for row, name in enumerate(ids):
        if name in keys and keys[name] in cache:
            rows_of.setdefault(keys[name], []).append(row)
    if not rows_of or cache.width is None:
        raise InputError(
            "items",
            received=f"{len(ids)} items, none of which has anything to encode",
            expected="at least one text or readable image",
        )
    vectors = np.full((len(ids), cache.width), np.nan, "float32")
    cache.read(rows_of, vectors)
    write_vectors(settings.folder, ids, narrowed(vectors, ids, settings.dtype))
    return Encoded(
        folder=settings.folder,
        items=len(ids),
        missing=len(ids) - sum(map(len, rows_of.values())),
        encoded=encoded,
        cached=len(jobs) - len(new),
        width=cache.width,
    )


def _encode_new(
    jobs: Sequence[Job],
    load: Callable[[Job], Any],
    encoder: Encoder,
    cache: VectorCache,
    settings: Settings,
) -> int:
    """Encodes into the cache; what is done stays there, whatever happens."""
    shard, count = Shard(cache, settings.shard_size), 0
    console = Console(stderr=True)
    with Progress(console=console, disable=not settings.show_progress) as progress:
        task = progress.add_task("Encoding", total=len(jobs))
        try:
            for start in range(0, len(jobs), settings.batch_size):
                part = jobs[start : start + settings.batch_size]
                loaded = [(job, load(job)) for job in part]
                batch = [
                    (job, content) for job, content in loaded if content is not None
                ]
                if batch:
                    kept, contents = zip(*batch, strict=True)
                    keys, names = [j.key for j in kept], [j.name for j in kept]
                    shard.encode(encoder, keys, list(contents), names)
                count += len(batch)
                progress.advance(task, len(part))
        finally:
            shard.write()
    return count


def narrowed(vectors: Array, ids: Sequence[str], dtype: str) -> Array:
    """Vectors in the dtype to write, if it has their numbers.

    Args:
        vectors: float32 `(items, width)`.
        ids: The items, for the error.
        dtype: `"float16"` or `"float32"`.
    """
    with np.errstate(over="ignore"):
        narrow = vectors.astype(dtype)
    for row in np.flatnonzero(np.isinf(narrow).any(axis=1))[:1]:
        raise InputError(
            "dtype",
            received=f"{np.abs(vectors[row]).max():.3g} in the vector of {ids[row]}",
            expected=f"numbers that {dtype} has",
            hint='Give dtype="float32"; what was encoded is cached.',
        )
    return narrow
