"""Tests of the order of rows: sharding, windows and permutations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfctr.data.reading.order import BatchOrder
from tfctr.errors import InputError

UNITS = st.lists(
    st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    min_size=1,
    max_size=6,
).map(tuple)


def batches_of(order: BatchOrder, epoch: int, batch: int = 0) -> list[list[int]]:
    """Rows of each batch, numbered through all blocks, as a plain loop finds them."""
    begins = np.cumsum([0, *[rows for unit in order.units for rows in unit]])
    found = []
    for window in order.windows(epoch, batch):
        rows = [
            int(begins[block]) + row
            for block, start, stop in window.parts
            for row in range(start, stop)
        ]
        for start, stop in window.batches:
            found.append([rows[place] for place in window.rows[start:stop]])
    return found


@st.composite
def orders(draw):
    """Arguments of an order whose shards all have enough rows."""
    units = draw(UNITS)
    total = sum(map(sum, units))
    shards = draw(st.integers(1, min(total, 4)))
    smallest = 1 if shards == 1 else 2
    arguments = {
        "units": units,
        "batch_size": draw(st.integers(smallest, 12)),
        "shuffle": draw(st.booleans()),
        "seed": draw(st.integers(0, 5)),
        "shuffle_rows": draw(st.integers(1, 40)),
        "num_shards": shards,
    }
    return arguments


@given(orders(), st.integers(0, 3))
def test_shards_are_disjoint_cover_all_rows_and_have_as_many_batches(arguments, epoch):
    total = sum(map(sum, arguments["units"]))
    shards = []
    for index in range(arguments["num_shards"]):
        order = BatchOrder(**arguments, shard_index=index)
        shards.append(batches_of(order, epoch))
        assert len(shards[-1]) == order.num_batches
        assert sum(map(len, shards[-1])) == order.num_rows
    sizes = [len(batch) for shard in shards for batch in shard]
    assert min(sizes) >= 1
    assert max(sizes) <= arguments["batch_size"]
    assert len({len(shard) for shard in shards}) == 1
    rows = [row for shard in shards for batch in shard for row in batch]
    assert sorted(rows) == list(range(total))


@given(orders(), st.integers(0, 3), st.data())
def test_reading_can_start_at_any_batch(arguments, epoch, data):
    order = BatchOrder(**arguments)
    whole = batches_of(order, epoch)
    batch = data.draw(st.integers(0, order.num_batches - 1))
    begin = order.first_batch(batch)
    assert begin <= batch
    assert batches_of(order, epoch, batch) == whole[begin:]


@given(orders())
def test_without_shuffling_rows_keep_their_order(arguments):
    order = BatchOrder(**{**arguments, "shuffle": False, "num_shards": 1})
    rows = [row for batch in batches_of(order, 7) for row in batch]
    assert rows == list(range(order.total_rows))


@given(orders())
def test_full_batches_alone_are_left_where_the_rest_is_dropped(arguments):
    total, size = sum(map(sum, arguments["units"])), arguments["batch_size"]
    full = total // (arguments["num_shards"] * size)
    if not full:
        with pytest.raises(InputError, match="enough rows"):
            BatchOrder(**arguments, drop_remainder=True)
        return
    rows = []
    for index in range(arguments["num_shards"]):
        order = BatchOrder(**arguments, shard_index=index, drop_remainder=True)
        batches = batches_of(order, 0)
        assert [len(batch) for batch in batches] == [size] * full
        rows += [row for batch in batches for row in batch]
    assert len(set(rows)) == len(rows)


@given(orders(), st.integers(0, 3))
def test_sequential_files_are_read_from_their_beginning_to_their_end(arguments, epoch):
    order = BatchOrder(**{**arguments, "num_shards": 1})
    visited = [part[0] for w in order.windows(epoch) for part in w.parts]
    blocks = list(dict.fromkeys(visited))
    first = 0
    for unit in order.units:
        numbers = list(range(first, first + len(unit)))
        place = blocks.index(first)
        assert blocks[place : place + len(unit)] == numbers
        first += len(unit)
    # A block is come back to only where a window ends inside it.
    assert [b for k, b in enumerate(visited) if k == 0 or visited[k - 1] != b] == blocks


def test_memory_holds_one_window_and_no_more():
    order = BatchOrder(((5,),) * 40, 8, shuffle_rows=30)
    sizes = [len(window.rows) for window in order.windows(0)]
    assert sizes == [32] * 6 + [8]  # 30 rows, rounded up to whole batches


def test_epochs_and_seeds_have_orders_of_their_own():
    def order(seed):
        return BatchOrder(((4,),) * 25, 10, seed=seed, shuffle_rows=20)

    orders_seen = [
        batches_of(order(seed), epoch) for seed in (0, 1) for epoch in (0, 1)
    ]
    for k, one in enumerate(orders_seen):
        assert all(one != other for other in orders_seen[:k])
    assert batches_of(order(1), 1) == orders_seen[3]


def test_order_is_the_permutation_that_the_documentation_says():
    order = BatchOrder(((2,), (2,), (2,)), 6, seed=5)
    blocks = np.random.default_rng((1, 5, 9)).permutation(3)
    rows = [row for block in blocks for row in (2 * block, 2 * block + 1)]
    shuffled = np.random.default_rng((2, 5, 9, 0, 0)).permutation(6)
    assert batches_of(order, 9) == [[rows[k] for k in shuffled]]


def test_rows_are_spread_over_the_whole_epoch():
    order = BatchOrder(((10,),) * 100, 50, shuffle_rows=100, seed=1)
    places = np.array([row for batch in batches_of(order, 0) for row in batch])
    correlation = np.corrcoef(places, np.arange(1000))[0, 1]
    assert abs(correlation) < 0.2
    # Within a window rows of ten blocks are mixed, so few neighbours stay together.
    assert np.mean(np.diff(places) == 1) < 0.05


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"shuffle_rows": 0}, "shuffle_rows"),
        ({"seed": -1}, "seed"),
        ({"num_shards": 0}, "num_shards"),
        ({"shard_index": 1}, "shard_index"),
        ({"num_shards": 11, "shard_index": 0}, "num_shards"),
        ({"num_shards": 3, "batch_size": 1}, "num_shards"),
    ],
)
def test_what_cannot_be_is_refused(changes, field):
    with pytest.raises(InputError, match=f"`{field}`"):
        BatchOrder(**{"units": ((10,),), "batch_size": 4, **changes})
