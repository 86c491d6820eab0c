"""Pretrained tables as a folder: rows, values, window, fingerprint."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfctr.data.cells import Array
from tfctr.errors import InputError
from tfctr.features import SchemaState, Vocabulary
from tfctr.models import IDPretraining
from tfctr.training.pretrained.window import Window

__all__ = ["PretrainedTables", "read_pretrained", "write_pretrained"]

FACTS = "pretrained.json"
FORMAT = 1


@dataclass(frozen=True)
class PretrainedTables:
    """Tables of an artifact.

    Attributes:
        folder: Where it lies.
        dim: Width of the rows.
        window: What they were learnt from.
        vocabularies: Settings of each vocabulary that has rows, by name.
        values: Values of those that have values, in row order.
        tables: Rows `(rows, dim)` by table name, mapped from the file.
        fingerprint: Of all of this; another one for other rows, values or window.
    """

    folder: Path
    dim: int
    window: Window
    vocabularies: Mapping[str, Vocabulary]
    values: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, Array]
    fingerprint: str


def write_pretrained(
    model: IDPretraining,
    state: SchemaState,
    folder: str | Path,
    *,
    window: Window,
) -> str:
    """Writes a model's tables into a folder, which appears only when all is there.

    Args:
        model: The trained model.
        state: The state that it was made for.
        folder: The folder; what is there is replaced.
        window: What the model was trained on.

    Returns:
        The fingerprint.

    Raises:
        InputError: The state is not that of the model.
    """
    if model.schema != state.schema:
        raise InputError(
            "state",
            received="one of another schema than the model's",
            expected="the state that the model was made for",
        )
    folder = Path(folder)
    aside, old = (folder.with_name(folder.name + end) for end in (".partial", ".old"))
    shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    aside.mkdir(parents=True)
    facts = _write_parts(model, state, aside, window)
    (aside / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return str(facts["fingerprint"])


def read_pretrained(folder: str | Path) -> PretrainedTables:
    """Reads what `write_pretrained` wrote; rows stay in the file until they are used.

    Args:
        folder: The folder.

    Raises:
        InputError: It is no such folder, or a part of it was cut or exchanged.
    """
    folder = Path(folder)
    if not (folder / FACTS).is_file():
        raise InputError(
            "folder", received=str(folder), expected=f"a folder with {FACTS}"
        )
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if facts["format"] != FORMAT:
            raise InputError(
                str(folder), received=f"format {facts['format']}", expected=str(FORMAT)
            )
        return _read_parts(folder, facts)
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(folder, str(error) or type(error).__name__) from error


def _write_parts(
    model: IDPretraining, state: SchemaState, folder: Path, window: Window
) -> dict[str, Any]:
    model.build()
    layer, schema = model.embeddings, model.schema
    table: Any = layer.table
    every = np.asarray(table.embeddings)
    facts: dict[str, Any] = {
        "format": FORMAT,
        "dim": model.dim,
        "window": [window.start, window.end],
        "tables": {},
        "vocabularies": {},
    }
    (folder / "tables").mkdir()
    (folder / "values").mkdir()
    for key, (start, stop) in layer.tables.items():
        name, rows = key.removeprefix("table_"), every[start:stop]
        np.save(folder / "tables" / f"{name}.npy", rows, allow_pickle=False)
        facts["tables"][name] = {"rows": len(rows), "digest": _digest(rows.tobytes())}
    for name in _vocabularies(model):
        settings = dataclasses.asdict(schema.vocabulary(name))
        settings["values"] = None
        facts["vocabularies"][name] = {"settings": settings}
        if settings["num_hash_buckets"] is None:
            text = json.dumps(state.values(name))
            (folder / "values" / f"{name}.json").write_text(text, encoding="utf-8")
            facts["vocabularies"][name]["digest"] = _digest(text.encode())
    facts["fingerprint"] = _fingerprint(facts)
    return facts


def _vocabularies(model: IDPretraining) -> list[str]:
    names = [*model.user_features, *model.item_features]
    columns = {c.name: c for c in model.schema.encoded_columns()}
    features: list[Any] = [columns[name].feature for name in names]
    return list(dict.fromkeys(feature.vocabulary for feature in features))


def _read_parts(folder: Path, facts: Mapping[str, Any]) -> PretrainedTables:
    written = facts["fingerprint"]
    if written != _fingerprint(facts):
        raise _damaged(folder, f"facts that are not those of fingerprint {written}")
    tables = {}
    for name, table in facts["tables"].items():
        rows = np.load(folder / "tables" / f"{name}.npy", mmap_mode="r")
        if rows.shape != (table["rows"], facts["dim"]):
            raise _damaged(folder, f"rows {rows.shape} of table {name}")
        tables[name] = rows
    vocabularies, values = {}, {}
    for name, found in facts["vocabularies"].items():
        vocabularies[name] = Vocabulary(**found["settings"])
        if "digest" in found:
            text = (folder / "values" / f"{name}.json").read_text(encoding="utf-8")
            if _digest(text.encode()) != found["digest"]:
                raise _damaged(folder, f"other values of vocabulary {name}")
            values[name] = tuple(json.loads(text))
    window = Window(*facts["window"])
    return PretrainedTables(
        folder, facts["dim"], window, vocabularies, values, tables, written
    )


def _fingerprint(facts: Mapping[str, Any]) -> str:
    parts = {key: value for key, value in facts.items() if key != "fingerprint"}
    return _digest(json.dumps(parts, sort_keys=True).encode())[:16]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _damaged(folder: Path, received: str) -> InputError:
    return InputError(
        str(folder),
        received=received,
        expected="what `write_pretrained` wrote, whole",
        hint="A file of the folder was cut or exchanged.",
    )
