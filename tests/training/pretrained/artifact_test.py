"""Tests of `tfctr.training.pretrained.artifact`."""

import json

import numpy as np
import pytest

from tests.training.pretrained.shop import (
    AFTER,
    BEFORE,
    OLD,
    rows_of,
    state_of,
    written,
)
from tfctr.errors import InputError
from tfctr.training.pretrained import read_pretrained, write_pretrained


def test_what_was_written_is_read(tmp_path):
    folder, model = written(tmp_path / "tables")
    found = read_pretrained(folder)
    assert (found.dim, found.window) == (4, BEFORE)
    assert found.values == {"item_id": ("a", "b", "c")}
    assert set(found.vocabularies) == {"user_id", "item_id"}
    assert found.vocabularies["user_id"] == OLD.schema.vocabulary("user_id")
    for name, rows in found.tables.items():
        assert isinstance(rows, np.memmap)
        np.testing.assert_array_equal(rows, rows_of(model.embeddings, name))
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_fingerprint_tells_rows_values_and_windows_apart(tmp_path):
    _, model = written(tmp_path / "first")
    prints = [read_pretrained(tmp_path / "first").fingerprint]
    prints.append(write_pretrained(model, OLD, tmp_path / "same", window=BEFORE))
    assert prints[0] == prints[1]
    prints.append(write_pretrained(model, OLD, tmp_path / "later", window=AFTER))
    other = state_of(("a", "b", "d"))
    prints.append(write_pretrained(model, other, tmp_path / "values", window=BEFORE))
    table = model.embeddings.table.embeddings
    table.assign(table + 1)
    prints.append(write_pretrained(model, OLD, tmp_path / "rows", window=BEFORE))
    assert len(set(prints[1:])) == 4


def test_artifact_is_replaced_as_a_whole(tmp_path, monkeypatch):
    folder, model = written(tmp_path / "tables")
    before = read_pretrained(folder).fingerprint
    monkeypatch.setattr(np, "save", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_pretrained(model, OLD, folder, window=AFTER)
    assert read_pretrained(folder).fingerprint == before
    monkeypatch.undo()
    write_pretrained(model, OLD, folder, window=AFTER)
    assert read_pretrained(folder).window == AFTER
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_what_is_no_artifact_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a folder with pretrained\.json"):
        read_pretrained(tmp_path)
    _, model = written(tmp_path / "tables")
    longer = state_of(("a", "b", "c", "d"))
    with pytest.raises(InputError, match="`state`"):
        write_pretrained(model, longer, tmp_path / "no", window=BEFORE)


@pytest.mark.parametrize("part", ["values", "rows", "window", "cut", "format"])
def test_damage_is_found(tmp_path, part):
    folder, _ = written(tmp_path / "tables")
    facts = json.loads((folder / "pretrained.json").read_text())
    if part == "values":
        (folder / "values/item_id.json").write_text('["a", "b", "x"]')
    elif part == "rows":
        np.save(folder / "tables/ids.npy", np.zeros((3, 4), "float32"))
    elif part == "cut":
        path = folder / "tables/item_id.npy"
        path.write_bytes(path.read_bytes()[:-8])
    else:
        facts["window" if part == "window" else "format"] = [0, 50]
        (folder / "pretrained.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match="tables`: received"):
        read_pretrained(folder)
