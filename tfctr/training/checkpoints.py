"""Checkpoints as folders that are whole or do not count."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tfctr.data.cells import Array
from tfctr.errors import InputError

__all__ = ["newest_checkpoint", "read_arrays", "read_facts", "write_checkpoint"]

FACTS = "facts.json"
ARRAYS = "arrays.npy"  # one after the other, each as `numpy.save` writes it
PREFIX = "checkpoint-"


def write_checkpoint(
    folder: Path,
    number: int,
    facts: dict[str, Any],
    arrays: dict[str, Iterable[Any]],
) -> Path:
    """Writes a checkpoint aside, renames it, and removes earlier ones.

    Args:
        folder: Folder of all checkpoints of a run.
        number: Grows from one checkpoint to the next.
        facts: JSON-ready.
        arrays: Variables or arrays by group; in memory one at a time.

    Returns:
        The checkpoint's folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.partial"):
        shutil.rmtree(left)
    final = folder / f"{PREFIX}{number:012d}"
    aside = folder / f"{final.name}.partial"
    aside.mkdir()
    begins = {}
    with (aside / ARRAYS).open("wb") as file:
        for group, values in arrays.items():
            begins[group] = file.tell()
            for value in values:
                np.save(file, _plain(_array(value)), allow_pickle=False)
        _flush(file)
    with (aside / FACTS).open("w") as text:
        json.dump({**facts, "begins": begins}, text)
        _flush(text)
    earlier = _checkpoints(folder)
    if final in earlier:  # the same position again
        shutil.rmtree(final)
    aside.rename(final)
    for path in earlier:
        if path != final:
            shutil.rmtree(path)
    return final


def newest_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that was written to its end, if any."""
    return max(_checkpoints(folder), default=None)


def read_facts(checkpoint: Path) -> dict[str, Any]:
    """What `write_checkpoint` got as `facts`."""
    try:
        facts: dict[str, Any] = json.loads((checkpoint / FACTS).read_text())
    except (OSError, ValueError) as error:
        raise _damaged(checkpoint, error) from error
    return facts


def read_arrays(checkpoint: Path, group: str, like: Iterable[Any]) -> list[Array]:
    """Arrays of a group.

    Args:
        checkpoint: Folder of the checkpoint.
        group: Name of the group.
        like: Variables or arrays whose shapes and dtypes the arrays must have.
    """
    arrays, path = [], checkpoint / ARRAYS
    try:
        with path.open("rb") as file:
            file.seek(read_facts(checkpoint)["begins"][group])
            for value in like:
                arrays.append(_fitting(np.load(file, allow_pickle=False), value, path))
    except InputError:
        raise
    except (OSError, EOFError, KeyError, ValueError) as error:
        raise _damaged(path, error) from error
    return arrays


def _fitting(array: Array, value: Any, path: Path) -> Array:
    """The array in the dtype of `value`, whose shape it must have."""
    wanted = _array(value)
    if array.dtype != _plain(wanted).dtype or array.shape != wanted.shape:
        raise InputError(
            str(path),
            received=f"{array.dtype} {array.shape}",
            expected=f"{wanted.dtype} {wanted.shape}",
        )
    return array.view(wanted.dtype)


def _checkpoints(folder: Path) -> list[Path]:
    return [
        path for path in folder.glob(f"{PREFIX}*") if path.name[len(PREFIX) :].isdigit()
    ]


def _array(value: Any) -> Array:
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def _plain(array: Array) -> Array:
    """Floats that files of NumPy do not know, such as bfloat16, as their bits."""
    if array.dtype.kind in "biufc":
        return array
    return array.view(f"u{array.dtype.itemsize}")


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        str(path),
        received=str(error) or type(error).__name__,
        expected="a file of a checkpoint, whole",
        hint="Delete the checkpoint's folder to start again.",
    )
