"""Tests of what rankers of several modalities have in common."""

import numpy as np
import pytest

from tests.features.shop import small_schema
from tests.models.data import SIZED, USER_ROLES, made, part, rows
from tfctr.errors import InputError, UnknownName
from tfctr.models import DiffMSIN, ModalRanker

X, _, _ = rows(16)


def test_the_rest_must_be_written():
    with pytest.raises(NotImplementedError, match="ModalRanker"):
        ModalRanker(SIZED, dim=4).fuse({})


def test_vectors_of_a_table_are_those_of_the_items():
    """The same vectors by item and in the data give the same answer."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(SIZED.size("item_id"), 3)).astype("float32")
    table[0] = np.nan  # no item
    by_table = made("DiffMSIN", tables={"looks": 3}, modalities=["looks"])
    in_data = made("DiffMSIN", modalities=["picture"])
    by_table.load_vectors("looks", table)
    pairs = zip(
        by_table.projections["looks"].weights,
        in_data.projections["picture"].weights,
        strict=True,
    )
    for ours, theirs in pairs:
        theirs.assign(ours)
    found = np.nan_to_num(table)
    x = {
        **X,
        "picture": found[X["item_id"]],
        "history_picture": found[X["history_item_id"]],
    }
    for made_of in ("events", "candidates"):
        ours, theirs = (
            _modality(m, v, made_of) for m, v in ((by_table, X), (in_data, x))
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def _modality(model, x, made_of):
    state = model.encode_user(part(x, USER_ROLES))
    if made_of == "events":
        return state["events"][:, :, 1]
    items = {name: v[:, None] for name, v in part(x, ["item"]).items()}
    return model.interests(state, items)["candidates"][:, 1]


def test_modalities_are_no_fields_of_their_own():
    model = made("DiffMSIN")
    assert "picture" not in model.embeddings.fields()
    assert model.modality_names == ["id", "picture"]


def test_a_table_that_is_not_there_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'text'"):
        made("DiffMSIN", tables={"text": 3}).load_vectors("txet", np.zeros((1, 3)))
    rows_of = SIZED.size("item_id")
    with pytest.raises(InputError, match=rf"expected \({rows_of}, 3\): a row for each"):
        made("DiffMSIN", tables={"text": 3}).load_vectors("text", np.zeros((1, 3)))


def test_a_schema_without_a_history_of_items_is_refused():
    schema = small_schema().with_sizes({"user_id": 4, "item_id": 4})
    with pytest.raises(InputError, match=r"`sequences`: received .*`item_id`"):
        DiffMSIN(schema, dim=4)
