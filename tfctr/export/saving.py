"""Writing a deployment: one SavedModel with both heads, versioned."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfctr.errors import InputError
from tfctr.export.fingerprint import checkpoint_fingerprint
from tfctr.export.item_files import check_fingerprint
from tfctr.export.item_store import ItemTable, item_table
from tfctr.export.signatures import ServingModule
from tfctr.export.warmup import write_warmup_requests
from tfctr.features import SchemaState
from tfctr.models import PreRankingModel, RankingModel

__all__ = ["next_version", "save", "write_saved_model"]


def save(
    folder: str | Path,
    *,
    ranking: RankingModel,
    pre_ranking: PreRankingModel | None = None,
    state: SchemaState,
    items: Any,
    top_k: int = 200,
    score: Mapping[str, float] | None = None,
    version: int | None = None,
    table_format: str = "float32",
    retrieval_k: int | None = None,
) -> Path:
    """Exports models, encoding and items as `<folder>/<version>`.

    Signatures: `serving_default`, `ranking` and `ranking_by_id`; with a pre-ranking
    head also `pre_ranking` and `item_encoder`. `docs/guides/export.md` lists their
    tensors. The folder appears under its name only when it is complete.

    Args:
        folder: The model's folder, which holds its versions.
        ranking: The ranking head.
        pre_ranking: The pre-ranking head. Optional.
        state: What was learnt; its schema must be the models' own.
        items: A `pandas.DataFrame` with the raw item columns, one row an item; other
            columns (such as titles) are kept for display in `assets.extra`.
        top_k: Number of candidates that `pre_ranking` returns in order.
        score: Exponent of each label's probability in `score`, for example
            `{"click": 1.0, "conversion": 0.5}`; the first label alone by default.
        version: Number of the version; one more than the highest there by default.
        table_format: How embedding tables are stored: `"float32"`, `"bfloat16"` (half
            the size) or `"int8"` with a scale for each row (a quarter, and 4 bytes a
            row). Rows become float32 again when they are looked up. The models
            themselves, and the vectors of the item store, stay as they are.
        retrieval_k: Adds the signature `retrieval`, which finds so many of all items
            for a user; the model must have `retrieval_query`. All items if it is
            above their number.

    Returns:
        The folder of the version.

    Raises:
        InputError: The parts do not belong together, or the version exists.
    """
    _check_heads(ranking, pre_ranking, state)
    table = item_table(state, items, pre_ranking)
    final = _new_version(Path(folder), version)
    # TF Serving takes numbers for versions, so the unfinished one is not a number.
    aside = final.with_name(f".{final.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        write_saved_model(
            aside,
            ranking=ranking,
            pre_ranking=pre_ranking,
            state=state,
            table=table,
            items=items,
            top_k=top_k,
            score=score,
            table_format=table_format,
            retrieval_k=retrieval_k,
        )
        aside.rename(final)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return final


def write_saved_model(
    path: Path,
    *,
    ranking: RankingModel,
    pre_ranking: PreRankingModel | None,
    state: SchemaState,
    table: ItemTable,
    items: Any,
    top_k: int = 200,
    score: Mapping[str, float] | None = None,
    table_format: str = "float32",
    retrieval_k: int | None = None,
) -> None:
    """Writes the SavedModel of `save` into `path` itself, with no version.

    Args:
        path: Where to write.
        ranking: The ranking head.
        pre_ranking: The pre-ranking head. Optional.
        state: What was learnt.
        table: The encoded items.
        items: The raw items, for display.
        top_k: As for `save`.
        score: As for `save`.
        table_format: As for `save`.
        retrieval_k: As for `save`.

    Raises:
        InputError: The parts do not belong together, or the items were encoded by
            another checkpoint.
    """
    _check_heads(ranking, pre_ranking, state)
    if pre_ranking is not None:
        expected = checkpoint_fingerprint(pre_ranking, state)
        check_fingerprint("table", table.fingerprint, expected)
    with tempfile.TemporaryDirectory() as assets:
        module = ServingModule(
            ranking=ranking,
            pre_ranking=pre_ranking,
            state=state,
            table=table,
            folder=assets,
            top_k=top_k,
            score=score or {ranking.label_names[0]: 1.0},
            table_format=table_format,
            retrieval_k=retrieval_k,
        )
        signatures = module.signatures()
        tf.saved_model.save(module, str(path), signatures=signatures)
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "schema.json").write_text(state.schema.to_json())
    about = {"fingerprint": table.fingerprint, "num_bytes": table.num_bytes}
    (extra / "item_store.json").write_text(json.dumps(about))
    items.to_parquet(extra / "items.parquet", index=False)
    write_warmup_requests(extra, state.schema, table.item_ids[1:], list(signatures))


def _new_version(folder: Path, version: int | None) -> Path:
    version = next_version(folder) if version is None else version
    if version < 0:
        raise InputError("version", received=version, expected="a number from 0")
    final = folder / str(version)
    if final.exists():
        raise InputError(
            "version", received=version, expected=f"a version that {folder} lacks"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return final


def next_version(folder: str | Path) -> int:
    """One more than the highest version in `folder`; 1 if there is none."""
    folder = Path(folder)
    found = [int(p.name) for p in folder.glob("*") if p.name.isdecimal()]
    return 1 + max(found, default=0)


def _check_heads(ranking: Any, pre_ranking: Any, state: SchemaState) -> None:
    for name, model, kind in (
        ("ranking", ranking, RankingModel),
        ("pre_ranking", pre_ranking, PreRankingModel),
    ):
        if name == "pre_ranking" and model is None:
            continue
        if not isinstance(model, kind):
            raise InputError(
                name,
                received=type(model).__name__,
                expected=f"a {kind.__name__}",
            )
        if model.schema != state.schema:
            raise InputError(
                name,
                received="a model of another schema or of other vocabulary sizes",
                expected="a model made with `state.schema`",
            )
        model.build()  # a model that was never called has no weights yet
        model.check_ready()
