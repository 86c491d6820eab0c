"""The cascade against the same computation in numpy."""

import numpy as np
import pytest

from tests.serving.small_model import HISTORY, ITEMS, PRICE, TOP_K, click, pre_scores
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Label, Numeric
from tfctr.serving import CascadeClient, PredictClient, ServingError
from tfctr.serving.server import EmbeddedServer, ServerOptions

USER = {"user_id": "u1", "age": 30.0, "history_item_id": ["i1", "i2", "i1", "i1"]}
RECENT = USER["history_item_id"][-HISTORY:]
TABLE = {item: {"price": float(PRICE[n])} for n, item in enumerate(ITEMS)}


def expected(ids, keep, history=RECENT, age=30.0):
    """(id, pre-ranking score, click) of the cascade, by stable sorting."""
    ids = list(dict.fromkeys(ids))
    pre = pre_scores(history, ids)
    kept = sorted(range(len(ids)), key=lambda n: -pre[n])[:keep]
    prices = [PRICE[ITEMS.index(ids[n])] if ids[n] in ITEMS else 0 for n in kept]
    clicks = click(age, prices)
    order = sorted(range(len(kept)), key=lambda n: -clicks[n])
    return [(ids[kept[n]], pre[kept[n]], clicks[n]) for n in order]


def check(ranked, wanted):
    assert [item.item_id for item in ranked] == [item for item, _, _ in wanted]
    for item, (_, pre, probability) in zip(ranked, wanted, strict=True):
        assert item.pre_ranking_score == pytest.approx(pre, rel=1e-5)
        assert item.ranking_score == pytest.approx(3 * probability, rel=1e-5)
        assert item.probabilities == {
            "click": pytest.approx(probability, rel=1e-5),
            "buy": pytest.approx(probability / 2, rel=1e-5),
        }


@pytest.fixture(scope="module")
def without_ids(tmp_path_factory, saved):
    """A client of a model that lacks `ranking_by_id`."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "1").symlink_to(saved["two"])
    with (
        EmbeddedServer("m", folder, ServerOptions(poll_seconds=0)) as server,
        PredictClient(server.address, "m") as client,
    ):
        yield client


@pytest.mark.parametrize("keep", [TOP_K - 1, TOP_K, TOP_K + 3, 200])
@pytest.mark.parametrize("per_call", [1, 5, 2000])
def test_order_and_scores_are_those_of_numpy(client, keep, per_call):
    cascade = CascadeClient(client, max_candidates_per_call=per_call)
    ids = [*ITEMS[::-1], "unknown"]
    ranked = cascade.rank(USER, ids, pre_rank_to=keep, return_count=100)
    check(ranked, expected(ids, keep))


def test_returns_the_number_asked_for(client):
    ranked = CascadeClient(client).rank(USER, ITEMS, return_count=2)
    check(ranked, expected(ITEMS, 200)[:2])


def test_item_features_come_from_a_table_where_the_model_takes_no_ids(without_ids):
    cascade = CascadeClient(without_ids, items=TABLE, max_candidates_per_call=5)
    ranked = cascade.rank(USER, ITEMS, pre_rank_to=6)
    check(ranked, expected(ITEMS, 6))


def test_item_features_come_from_a_function(without_ids):
    def features(ids):
        return {"price": PRICE[[ITEMS.index(i) for i in ids]].astype("float64")}

    ranked = CascadeClient(without_ids, items=features).rank(USER, ITEMS, pre_rank_to=6)
    check(ranked, expected(ITEMS, 6))


def test_a_function_must_give_a_row_for_each_id(without_ids):
    cascade = CascadeClient(without_ids, items=lambda _: {"price": np.zeros(2, "f4")})
    with pytest.raises(InputError, match=r"`price`: received shape \[2\], expected 12"):
        cascade.rank(USER, ITEMS)


def test_without_item_features_a_model_that_needs_them_is_refused(without_ids):
    with pytest.raises(InputError, match="`items`: received nothing"):
        CascadeClient(without_ids).rank(USER, ITEMS)


def test_missing_features_are_filled_in(client):
    ranked = CascadeClient(client).rank({}, ITEMS, pre_rank_to=5)
    check(ranked, expected(ITEMS, 5, history=[], age=0.0))


def test_the_schema_says_which_end_of_a_list_stays(client):
    schema = FeatureSchema(
        user=[
            Categorical("user_id"),
            Numeric("age"),
            Categorical("history_item_id", max_values=HISTORY),  # no sequence here
        ],
        item=[Categorical("item_id")],
        labels=[Label("click")],
        user_id="user_id",
        item_id="item_id",
    )
    history = ["i4", "i4", "i4", "i1", "i1", "i1"]
    user = {"age": 30.0, "history_item_id": history}
    cascade = CascadeClient(client, schema=schema)
    ranked = cascade.rank(user, ITEMS, return_count=12)
    check(ranked, expected(ITEMS, 200, history=["i4", "i4", "i4"]))


def test_no_candidates_give_an_empty_list(client):
    assert CascadeClient(client).rank(USER, []) == []


def test_candidates_that_come_twice_are_scored_once(client):
    ids = ["i3", "i1", "i3", "i1", "i2"]
    check(CascadeClient(client).rank(USER, ids), expected(ids, 200))


def test_equal_scores_keep_the_order_given(client):
    # i3 and i7 are equal in quality, i0 and i6 in price.
    for ids in (["i3", "i7"], ["i7", "i3"], ["i0", "i6"], ["i6", "i0"]):
        check(
            CascadeClient(client, max_candidates_per_call=1).rank({}, ids),
            expected(ids, 200, history=[], age=0.0),
        )


@pytest.mark.parametrize(
    ("user", "ids", "options", "error", "text"),
    [
        ({"agee": 3.0}, ITEMS, {}, UnknownName, "Did you mean 'age'"),
        ({"item_id": "i1"}, ITEMS, {}, UnknownName, "`feature`: received 'item_id'"),
        ({"age": "old"}, ITEMS, {}, InputError, "`age`: received str 'old'"),
        ({}, "i1", {}, InputError, "`item_ids`: received 'i1', expected a list"),
        ({}, [1], {}, InputError, "`item_ids`: received int 1, expected text"),
        ({}, ITEMS, {"pre_rank_to": 0}, InputError, "`pre_rank_to`: received 0"),
        ({}, ITEMS, {"return_count": 0}, InputError, "`return_count`: received 0"),
    ],
)
def test_wrong_requests_are_refused_by_name(client, user, ids, options, error, text):
    with pytest.raises(error, match=text):
        CascadeClient(client).rank(user, ids, **options)


def test_a_model_without_the_signatures_is_refused(client):
    cascade = CascadeClient(client)
    cascade._metadata = client.metadata()
    cascade._metadata.signatures.pop("pre_ranking")
    with pytest.raises(UnknownName, match="`signature`: received 'pre_ranking'"):
        cascade._rank({}, ["i1"], 1)


def test_signatures_are_read_again_when_a_new_version_refuses(client, without_ids):
    cascade = CascadeClient(client, items=TABLE)
    cascade.rank(USER, ITEMS)
    cascade.client = without_ids  # as if the server had changed its model
    check(cascade.rank(USER, ITEMS, pre_rank_to=6), expected(ITEMS, 6))


def test_errors_of_the_server_are_not_hidden():
    nowhere = PredictClient("127.0.0.1:1", "m", timeout=0.1)
    with nowhere as client, pytest.raises(ServingError, match="UNAVAILABLE"):
        CascadeClient(client).rank(USER, ITEMS)
