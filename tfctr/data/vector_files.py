"""Files of vectors by raw id, for tables of models: any vocabulary finds its rows."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfctr.data.cells import Array
from tfctr.data.modal_vectors import check_whole
from tfctr.errors import InputError

__all__ = ["check_folder", "read_vectors", "write_vectors"]

FILES = ("ids.npy", "vectors.npy")


def write_vectors(folder: str | Path, ids: Sequence[Any] | Array, vectors: Any) -> None:
    """Writes vectors of items by their raw ids, replacing what is there.

    They do not depend on a vocabulary, so they may be computed before one is learnt.

    Args:
        folder: Gets `ids.npy` and `vectors.npy`; it appears when both are there.
        ids: Raw ids of the items, each once, `(items,)`.
        vectors: Their vectors, `(items, width)`, in the dtype to keep: float16 takes
            half the space. One of NaN or zeros is missing.

    Raises:
        InputError: Another number of vectors than of ids, an id twice, a vector that
            is not finite in part, or a folder with other files.
    """
    names = np.array([str(one) for one in ids])
    made = np.asarray(vectors)
    if made.ndim != 2 or len(made) != len(names) or not made.size:
        raise InputError(
            "vectors",
            received=f"shape {made.shape} for {len(names)} ids",
            expected="one vector for each id",
        )
    if len(np.unique(names)) < len(names):
        raise InputError("ids", received="an item twice", expected="each item once")
    check_whole(names, made)
    check_folder(folder)
    folder = Path(folder)
    aside = folder.with_name(folder.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, array in zip(FILES, (names, made), strict=True):
        np.save(aside / name, array, allow_pickle=False)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def check_folder(folder: str | Path) -> None:
    """Refuses a folder that vectors would replace, but that has something else.

    Args:
        folder: A folder, there or not.

    Raises:
        InputError: It is a file, or has other files than those of vectors.
    """
    folder = Path(folder)
    if not folder.exists():
        return
    others = ["a file"]
    if folder.is_dir():
        others = sorted({path.name for path in folder.iterdir()} - {*FILES})
    if others:
        raise InputError(
            "folder",
            received=f"{folder} with {', '.join(others[:3])}",
            expected="a new folder, or one of vectors, which is replaced",
        )


def read_vectors(folder: str | Path) -> tuple[Array, Array]:
    """Raw ids `(items,)` and vectors `(items, width)`, memory-mapped.

    Args:
        folder: What `write_vectors` wrote.

    Raises:
        InputError: It is no such folder.
    """
    paths = [Path(folder) / name for name in FILES]
    try:
        ids, vectors = (np.load(path, mmap_mode="r") for path in paths)
    except (OSError, ValueError) as error:
        raise InputError(
            "folder",
            received=str(folder),
            expected="a folder of vectors, as `tfctr.data.write_vectors` writes it",
            hint=str(error),
        ) from error
    return ids, vectors
