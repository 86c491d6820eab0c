"""Encoded items in files, as workers write them and one reader puts together."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfctr.errors import InputError
from tfctr.export.item_store import ItemTable

__all__ = ["read_item_table", "write_item_table"]


def write_item_table(table: ItemTable, folder: str | Path, number: int = 0) -> Path:
    """Writes one part of the items as `items-<number>.npz`; dtypes stay as they are.

    Args:
        table: The items of this part.
        folder: Where to write.
        number: Place of the part. The unknown item is kept of part 0 alone.

    Returns:
        The path of the file.
    """
    rows = slice(0 if number == 0 else 1, None)
    arrays = {f"encoded/{n}": v[rows] for n, v in table.encoded.items()}
    arrays |= {f"stored/{n}": v[rows] for n, v in table.stored.items()}
    path = Path(folder) / f"items-{number:05d}.npz"
    about = json.dumps({"fingerprint": table.fingerprint})
    ids = np.array(table.item_ids[rows])
    np.savez(path, ids=ids, about=np.array(about), **arrays)  # type: ignore[arg-type]
    return path


def read_item_table(folder: str | Path, fingerprint: str | None = None) -> ItemTable:
    """The items of all parts in `folder`.

    Args:
        folder: What `write_item_table` wrote into.
        fingerprint: Of the checkpoint that will score the items
            (`checkpoint_fingerprint`); not compared if not given.

    Raises:
        InputError: There are no items, or they were encoded by another checkpoint or
            with another schema, or by several.
    """
    paths = sorted(Path(folder).glob("items-*.npz"))
    if not paths:
        raise InputError(
            str(folder), received="no items", expected="files of encoded items"
        )
    parts = [np.load(path) for path in paths]
    made_by = [_fingerprint(part) for part in parts]
    expected = made_by[0] if fingerprint is None else fingerprint
    for path, found in zip(paths, made_by, strict=True):
        check_fingerprint(str(path), found, expected)
    ids = [str(item) for part in parts for item in part["ids"]]
    groups: dict[str, dict[str, Any]] = {"encoded": {}, "stored": {}}
    for key in parts[0].files:
        group, _, name = key.partition("/")
        if name:
            groups[group][name] = np.concatenate([part[key] for part in parts])
    return ItemTable(ids, groups["encoded"], groups["stored"], made_by[0])


def check_fingerprint(field: str, found: str, expected: str) -> None:
    """Refuses items of another checkpoint.

    Args:
        field: Where the items come from, for the error.
        found: Fingerprint of the checkpoint that encoded them.
        expected: Fingerprint of the one that will score them.

    Raises:
        InputError: They differ.
    """
    if found != expected:
        raise InputError(
            field,
            received=f"items of checkpoint {found[:12] or 'unknown'}",
            expected=f"items of checkpoint {expected[:12]}",
            hint="Weights, vocabularies or schema differ: encode the items again.",
        )


def _fingerprint(part: Mapping[str, Any]) -> str:
    about = json.loads(str(part["about"])) if "about" in part else {}
    return str(about.get("fingerprint", ""))
