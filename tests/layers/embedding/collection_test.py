"""Tests of `tfctr.layers.EmbeddingCollection`."""

import numpy as np
import pytest

from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Numeric, Sequence, Timestamp, Vector, Vocabulary
from tfctr.layers import EmbeddingCollection
from tfctr.testing import make_batch

SIZED = SCHEMA.fit(shop_frame()).schema
X, _ = make_batch(SIZED, 6, seed=1)
SMALL = small_schema().with_sizes({"user_id": 5, "item_id": 7})


def weights(layer):
    return {
        weight.path.split("/", 1)[1]: np.asarray(weight) for weight in layer.weights
    }


def tables(layer):
    rows = weights(layer)["table/embeddings"]
    return {key: rows[slice(*place)] for key, place in layer.tables.items()}


def made(schema=SIZED, dim=4, **kwargs):
    layer = EmbeddingCollection(schema, dim, **kwargs)
    layer.build(None)
    return layer


def test_each_vocabulary_has_rows_in_the_one_table_and_each_number_a_kernel():
    shapes = {name: value.shape for name, value in weights(made()).items()}
    names = {"user_id", "item_id", "category", "brand", "device", "action"}
    sizes = {
        **{f"table_{name}": SIZED.size(name) for name in names},
        "table_time_hour": 25,
        "table_time_weekday": 8,
        "table_history_time_month": 13,
    }
    assert {key: len(rows) for key, rows in tables(made()).items()} == sizes
    kernels = {"age": 1, "price": 1, "distance": 1, "history_price": 1}
    assert shapes == {
        "table/embeddings": (sum(sizes.values()), 4),
        **{f"scale_{name}/kernel": (width, 4) for name, width in kernels.items()},
        "scale_picture/kernel": (3, 4),
        "scale_history_picture/kernel": (3, 4),
    }


def test_features_of_one_vocabulary_look_up_one_table():
    layer = made()
    table = tables(layer)["table_item_id"]
    fields = layer(X)
    np.testing.assert_array_equal(fields["item_id"], table[X["item_id"]])
    history = X["history_item_id"]
    np.testing.assert_array_equal(fields["history_item_id"], table[history])


def test_lists_are_the_mean_of_their_known_values():
    layer = made()
    table = tables(layer)["table_category"]
    ids = np.array([[2, 3, 3], [1, 0, 4], [0, 0, 0], [0, 0, 2]], "int32")
    expected = [
        (table[2] + 2 * table[3]) / 3,
        (table[1] + table[4]) / 2,
        np.zeros(4),
        table[2],
    ]
    mean = layer({"interests": ids})["interests"]
    np.testing.assert_allclose(mean, expected, rtol=1e-6, atol=1e-7)


def test_lists_in_histories_are_means_of_each_event():
    layer = made()
    ids = X["history_category"]  # (batch, time, values)
    fields = layer({"history_category": ids})["history_category"]
    flat = layer({"category": ids.reshape(-1, 2)})["category"]
    np.testing.assert_allclose(np.reshape(fields, (-1, 4)), flat, rtol=1e-6)


def test_number_scales_its_vector_and_missing_is_zeros():
    layer = made()
    kernel = weights(layer)["scale_age/kernel"]
    field = layer({"age": np.float32([2.0, -0.5, 0.0])})["age"]
    np.testing.assert_allclose(field, [2 * kernel[0], -0.5 * kernel[0], np.zeros(4)])


def test_vector_is_projected_without_bias():
    layer = made()
    picture = X["picture"]
    expected = picture @ weights(layer)["scale_picture/kernel"]
    field = layer({"picture": picture})["picture"]
    np.testing.assert_allclose(field, expected, rtol=1e-5, atol=1e-6)


def test_times_have_no_vector_but_their_units_have():
    fields = made()(X)
    assert "time" not in fields
    assert "history_time" not in fields
    assert fields["time_hour"].shape == (6, 4)
    assert fields["history_time_month"].shape == (6, 4, 4)


def test_fields_are_told_by_role_in_the_order_of_the_schema():
    layer = made()
    assert layer.fields(["user"]) == ["user_id", "age", "interests"]
    assert layer.fields(["context"]) == [
        "time_hour",
        "time_weekday",
        "device",
        "distance",
    ]
    assert set(layer.fields()) == set(layer(X))


def test_only_the_given_roles_are_embedded():
    layer = made(roles=["item"])
    assert set(layer(X)) == {"item_id", "category", "price", "picture", "brand"}
    assert layer.fields() == layer.fields(["item"])
    assert "table_user_id" not in layer.tables


def test_columns_that_are_left_out_are_left_out_of_the_result():
    assert set(made()({"age": X["age"]})) == {"age"}


def test_leading_dimensions_are_kept():
    layer = made()
    nested = {n: v.reshape(2, 3, *v.shape[1:]) for n, v in X.items()}
    flat, fields = layer(X), layer(nested)
    for name, value in flat.items():
        assert fields[name].shape == (2, 3, *value.shape[1:])
        np.testing.assert_allclose(
            np.reshape(fields[name], value.shape), value, rtol=1e-5, atol=1e-6
        )


def test_mask_is_where_the_first_feature_is_known():
    history = {"history_item_id": np.array([[3, 1, 0], [0, 0, 0]], "int32")}
    mask = made().mask("history", history)
    assert np.asarray(mask).tolist() == [[True, True, False], [False] * 3]


def test_initial_values_do_not_depend_on_other_features():
    alone = tables(made(SMALL, seed=3))
    wider = small_schema(
        user=[Numeric("age"), Categorical("tags", max_values=2), *SMALL.user],
        item=[Vector("v", 3), Categorical("colour"), *SMALL.item],
        context=[Timestamp("t", calendar=("hour",))],
        sequences=[Sequence("h", (Categorical("item_id"), Numeric("age")))],
        vocabularies=[Vocabulary("colour", num_hash_buckets=3)],
    ).with_sizes({"user_id": 5, "item_id": 7, "tags": 4})
    among = tables(made(wider, seed=3))
    for name, values in alone.items():
        np.testing.assert_array_equal(among[name], values, name)


def test_initial_values_depend_on_name_and_seed():
    schema = small_schema().with_sizes({"user_id": 7, "item_id": 7})
    first, other = tables(made(schema, seed=3)), tables(made(schema, seed=4))
    users, items = "table_user_id", "table_item_id"
    assert np.abs(first[users] - first[items]).min() > 0
    assert np.abs(first[users] - other[users]).min() > 0


def test_tables_start_with_the_given_deviation():
    schema = small_schema().with_sizes({"user_id": 5000, "item_id": 7})
    table = tables(made(schema, stddev=0.2))["table_user_id"]
    assert table.std() == pytest.approx(0.2, rel=0.02)
    assert table.mean() == pytest.approx(0, abs=0.01)


def test_schema_may_come_as_its_data():
    assert made(SMALL.to_dict()).schema == SMALL


def test_schema_without_sizes_is_refused():
    with pytest.raises(InputError, match="vocabularies are not learnt yet"):
        EmbeddingCollection(small_schema(), 4)


def test_width_has_to_be_positive():
    with pytest.raises(InputError, match="`dim`: received 0"):
        EmbeddingCollection(SMALL, 0)


def test_unknown_sequence_is_refused():
    with pytest.raises(InputError, match="received past"):
        made().mask("past", X)


def test_only_some_columns_may_be_embedded():
    layer, every = made(only=["item_id", "age"], seed=3), made(seed=3)
    assert list(layer(X)) == ["age", "item_id"]
    assert list(layer.tables) == ["table_item_id"]
    np.testing.assert_array_equal(
        tables(layer)["table_item_id"], tables(every)["table_item_id"]
    )
    again = EmbeddingCollection.from_config(layer.get_config())
    assert again.fields() == layer.fields()
    with pytest.raises(UnknownName, match="Did you mean 'item_id'"):
        EmbeddingCollection(SIZED, 4, only=["item_ids"])
