"""Tests of negative sampling."""

import subprocess
import sys
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr.data.negatives import sample_negatives

ITEMS = [f"i{n:02d}" for n in range(20)]


@settings(deadline=None)
@given(
    st.sets(st.sampled_from(ITEMS)),
    st.integers(0, 25),
    st.integers(0, 99),
    st.integers(0, 10**9),
)
def test_negatives_are_distinct_unseen_and_as_many_as_there_are(
    seen, count, seed, time
):
    drawn = sample_negatives(seed, "u", time, "i00", ITEMS, seen, count)
    assert len(drawn) == len(set(drawn)) == min(count, len(ITEMS) - len(seen))
    assert not set(drawn) & seen


def test_other_processes_draw_the_same():
    code = (
        "from tfctr.data.negatives import sample_negatives as s;"
        "print(s(7, 'u', 5, 'i03', [f'i{n:02d}' for n in range(20)], {'i03'}, 5))"
    )
    here = sample_negatives(7, "u", 5, "i03", ITEMS, {"i03"}, 5)
    for hash_seed in ("1", "2"):
        command = ["env", f"PYTHONHASHSEED={hash_seed}", sys.executable, "-c", code]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == str(here)


def test_each_part_of_the_key_changes_the_draw():
    keys = [
        (0, "u", 5, "i"),
        (1, "u", 5, "i"),
        (0, "v", 5, "i"),
        (0, "u", 6, "i"),
        (0, "u", 5, "j"),
    ]
    many = list(range(10**6))
    drawn = {tuple(sample_negatives(*key, many, (), 3)) for key in keys}
    assert len(drawn) == len(keys)


def test_unseen_items_are_equally_likely():
    draws = [
        item
        for time in range(6_000)
        for item in sample_negatives(0, "u", time, "i", ITEMS[:6], {"i00"}, 2)
    ]
    counts = Counter(draws)
    assert set(counts) == set(ITEMS[1:6])
    # 12,000 draws over 5 items: 2,400 each, with a standard deviation of about 38.
    assert all(abs(count - 2_400) < 190 for count in counts.values())


def test_cost_does_not_grow_with_the_catalogue():
    class Counting:
        asked = 0

        def __contains__(self, item):
            self.asked += 1
            return item % 2 == 0

    seen = Counting()
    assert len(sample_negatives(0, "u", 1, 1, range(10**7), seen, 10)) == 10
    assert seen.asked < 200


def test_nothing_to_draw_from_gives_nothing():
    assert sample_negatives(0, "u", 1, "i", [], set(), 3) == []
    assert sample_negatives(0, "u", 1, "i", ITEMS, set(), 0) == []
