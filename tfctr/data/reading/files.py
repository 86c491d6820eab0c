"""Which files are meant by a path, a pattern or a folder, and in what format."""

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from tfctr.errors import InputError, UnknownName

__all__ = ["FORMATS", "Paths", "file_format_of", "find_files"]

FORMATS = ("parquet", "csv", "tsv", "tfrecord", "tfrecord.gz")
Paths: TypeAlias = "str | Path | Iterable[str | Path]"


def find_files(paths: Paths, file_format: str | None = None) -> list[tuple[Path, str]]:
    """Files and their formats, sorted by path within each pattern or folder.

    Args:
        paths: A file, a folder (its files whose names do not begin with `.` or `_`),
            a pattern such as `part-*.parquet`, or several of them.
        file_format: Format of all of them; by default each name tells.

    Raises:
        InputError: There is no such file, or none fits.
        UnknownName: The name of a file does not tell its format.
    """
    if file_format is not None and file_format not in FORMATS:
        raise UnknownName("file_format", file_format, FORMATS)
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not given:
        raise InputError("paths", received="an empty list", expected="files to read")
    found = [path for one in given for path in _matching(str(one))]
    for path in found:
        if found.count(path) > 1:
            raise InputError(str(path), received="the file twice", expected="once")
    return [(path, file_format or file_format_of(path)) for path in found]


def file_format_of(path: Path) -> str:
    """The format that a file's name tells.

    >>> file_format_of(Path("examples.tfrecord-00000-of-00002.gz"))
    'tfrecord.gz'
    """
    if "tfrecord" in path.name:
        return "tfrecord.gz" if path.suffix == ".gz" else "tfrecord"
    if path.suffix[1:] in FORMATS:
        return path.suffix[1:]
    raise InputError(
        str(path),
        received=f"a name that ends in {path.suffix or 'nothing'!r}",
        expected="`.parquet`, `.csv`, `.tsv`, or `tfrecord` in the name",
        hint="Or say it with `file_format`.",
    )


def _matching(pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.is_file():
        return [path]
    if path.is_dir():
        files = [p for p in path.iterdir() if p.is_file() and p.name[0] not in "._"]
        expected = "a folder with files"
    else:
        files = [Path(p) for p in glob.glob(pattern, recursive=True)]
        files = [p for p in files if p.is_file()]
        expected = "a file, a folder, or a pattern that some file matches"
    if not files:
        received = "no files in it" if path.is_dir() else "no such file"
        raise InputError(pattern, received=received, expected=expected)
    return sorted(files)
