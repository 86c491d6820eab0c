"""Vectors on disk by encoder and content: whole shards, written aside and renamed."""

import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfctr.data.cells import Array
from tfctr.errors import InputError

__all__ = ["KEY_BYTES", "VectorCache"]

KEY_BYTES = 16


class VectorCache:
    """Vectors of one encoder by the hash of what was encoded.

    A shard appears whole or not at all; several processes may write at once. One that
    cannot be read counts as missing, so its vectors are computed again.

    Args:
        folder: Folder of the cache, of all encoders.
        kind: `"text"` or `"image"`.
        encoder_name: Name and version of the encoder.

    Raises:
        InputError: The folder cannot be written to.
    """

    def __init__(self, folder: str | Path, kind: str, encoder_name: str) -> None:
        digest = hashlib.blake2b(encoder_name.encode(), digest_size=6).hexdigest()
        readable = re.sub(r"[^\w.-]+", "_", encoder_name)[:60]
        self.folder = Path(folder) / kind / f"{readable}-{digest}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                "cache_folder", received=str(error), expected="a folder to write to"
            ) from error
        self.width: int | None = None
        self._places: dict[bytes, tuple[Path, int]] = {}
        for path in sorted(self.folder.glob("*.npz")):
            self._remember(path)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def add(self, keys: Sequence[bytes], vectors: Array) -> None:
        """Writes a shard.

        Args:
            keys: Hashes, each once.
            vectors: Their vectors, float32 `(keys, width)`.
        """
        if not keys:
            return
        joined = b"".join(keys)
        name = hashlib.blake2b(joined, digest_size=KEY_BYTES).hexdigest()
        rows = np.frombuffer(joined, "uint8").reshape(-1, KEY_BYTES)
        handle, aside = tempfile.mkstemp(dir=self.folder, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, keys=rows, vectors=vectors, width=vectors.shape[1])
            path = self.folder / f"{name}.npz"
            os.replace(aside, path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
        self.width = vectors.shape[1]
        self._places |= {key: (path, row) for row, key in enumerate(keys)}

    def read(self, rows_of: Mapping[bytes, Sequence[int]], found: Array) -> None:
        """Copies vectors to their rows, one shard after the other.

        Args:
            rows_of: Rows of each key; keys that are not there are left out.
            found: Gets the vectors, `(rows, width)`.
        """
        shards: dict[Path, list[bytes]] = {}
        for key in rows_of:
            if key in self._places:
                shards.setdefault(self._places[key][0], []).append(key)
        for path, keys in shards.items():
            with np.load(path, allow_pickle=False) as shard:
                vectors = shard["vectors"]
            for key in keys:
                found[list(rows_of[key])] = vectors[self._places[key][1]]

    def _remember(self, path: Path) -> None:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as shard:
                keys, width = shard["keys"].tobytes(), int(shard["width"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return
        if self.width not in (None, width):
            raise InputError(
                "cache_folder",
                received=f"vectors of widths {self.width} and {width} in {self.folder}",
                expected="one width for an encoder",
                hint="Two encoders had one name; remove the folder.",
            )
        self.width = width
        for row in range(len(keys) // KEY_BYTES):
            key = keys[row * KEY_BYTES : (row + 1) * KEY_BYTES]
            self._places[key] = (path, row)
