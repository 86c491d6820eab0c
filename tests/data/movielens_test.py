"""Tests of MovieLens-100k: both archive formats, and the real data once."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tfctr.data import movielens_100k, movielens_schema
from tfctr.data.movielens import movielens_dataset, movielens_tables, with_zip_region
from tfctr.data.movielens_files import GENRES, RECBOLE, read_archive
from tfctr.errors import InputError

# Shared with every other test that needs the data, so that it is fetched once.
CACHE = Path(__file__).parents[2] / "build" / "cache"

RATINGS = [
    ("196", "242", 3, 881250949),
    ("7", "267", 5, 881250900),
    ("7", "1412", 4, 9),
]
USERS = [("196", "49", "M", "writer", "55105"), ("7", "57", "F", "none", "V5A2B")]
FILMS = [
    ("242", "Kolya (1996)", "24-Jan-1997", ["Comedy"]),
    ("267", "unknown", "", ["unknown"]),
    ("1412", "Land Before Time III (1995) (V)", "01-Jan-1995", ["Animation", "Drama"]),
    ("543", 'Misérables, "Les" (1995) ', "01-Jan-1995", ["Drama", "Musical"]),
]


def official(path):
    lines = ["\t".join(map(str, row)) for row in RATINGS]
    films = []
    for film_id, title, date, genres in FILMS:
        flags = ["1" if genre in genres else "0" for genre in GENRES]
        films.append("|".join([film_id, title, date, "", "http://x", *flags]))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-100k/u.data", "\n".join(lines) + "\n")
        archive.writestr("ml-100k/u.user", "\n".join("|".join(u) for u in USERS))
        archive.writestr("ml-100k/u.item", "\n".join(films).encode("latin-1"))
    return path


def recbole(path):
    # As in the wheel: the year beside the title, the nameless film misspelt, and the
    # film with "(V)" behind its year taken apart wrongly.
    films = [
        "242\tKolya\t1996\tComedy",
        "267\tunkonwn\tunkonwn\tunknown",
        "1412\tLand Before Time III (1995)\tV\tAnimation Drama",
        '543\tMisérables, "Les"\t1995\tDrama Musical',
    ]
    users = ["\t".join(user) for user in USERS]
    ratings = ["\t".join(map(str, row)) for row in RATINGS]
    folder = "recbole/dataset_example/ml-100k/ml-100k"
    heads = {
        "inter": "user_id:token item_id:token rating:float timestamp:float",
        "user": "user_id:token age:token gender:token occupation:token zip_code:token",
        "item": "item_id:token movie_title:token_seq release_year:token class:token",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for kind, rows in (("inter", ratings), ("user", users), ("item", films)):
            head = heads[kind].replace(" ", "\t")
            archive.writestr(f"{folder}.{kind}", "\n".join([head, *rows]) + "\n")
    return path


@pytest.mark.parametrize("write", [official, recbole])
def test_an_archive_gives_the_tables(write, tmp_path):
    events, users, items = with_zip_region(read_archive(write(tmp_path / "a.zip")))
    assert list(events.itertuples(index=False, name=None)) == RATINGS
    assert users["age"].tolist() == [49, 57]
    assert users["zip_region"].tolist() == ["5", "V"]
    assert items["item_id"].tolist() == ["242", "267", "1412", "543"]
    assert items["title"].tolist() == [
        "Kolya (1996)",
        "unknown",
        "Land Before Time III (1995)",
        'Misérables, "Les" (1995)',
    ]
    assert items["release_year"].fillna(0).tolist() == [1996, 0, 1995, 1995]
    assert items["genres"].tolist() == [genres for *_, genres in FILMS]


def test_both_archives_give_equal_tables(tmp_path):
    one = read_archive(official(tmp_path / "a.zip"))
    other = read_archive(recbole(tmp_path / "b.zip"))
    for first, second in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_tables_become_a_data_set_with_its_labels(tmp_path):
    tables = with_zip_region(read_archive(official(tmp_path / "a.zip")))
    data = movielens_dataset(tables, history_length=4)
    frames = pd.concat([data.train, data.validation, data.test])
    assert frames["like"].tolist() == [1, 1, 0]
    assert [h.tolist() for h in frames["history_rating"]] == [[], [4], []]
    assert data.schema.sequences[0].max_length == 4


def test_archives_that_are_damaged_or_of_something_else_are_named(tmp_path):
    path = official(tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"a\.zip`: .*a whole MovieLens-100k archive"):
        read_archive(path)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(InputError, match=r"without u\.data"):
        read_archive(tmp_path / "b.zip")


def test_an_archive_of_another_size_is_refused(tmp_path, monkeypatch):
    path = official(tmp_path / "a.zip")
    monkeypatch.setattr("tfctr.data.movielens.cached_file", lambda *_: path)
    with pytest.raises(InputError, match=r"events of a\.zip`: received 3 rows"):
        movielens_tables()


def test_histories_share_the_tables_of_items_and_ratings_are_fixed():
    schema = movielens_schema(7)
    (history,) = schema.sequences
    assert [feature.vocabulary for feature in history.features] == ["item_id", "rating"]
    assert history.action == "rating"
    assert schema.vocabulary("rating").values == ("1", "2", "3", "4", "5")
    assert schema.column("history_rating").shape == (7,)


@pytest.fixture(scope="module")
def real():
    return movielens_100k(CACHE)


@pytest.mark.slow
def test_the_real_data_is_whole(real):
    assert (len(real.events), len(real.users), len(real.items)) == (100_000, 943, 1_682)
    # Several ratings share the second at which the validation part begins.
    sizes = [len(part) for part in (real.train, real.validation, real.test)]
    assert sizes == [79_999, 10_001, 10_000]
    # Published counts of ratings 1 to 5.
    counts = real.events["rating"].value_counts().sort_index()
    assert counts.tolist() == [6_110, 11_370, 27_145, 34_174, 21_201]
    assert real.items["title"][0] == "Toy Story (1995)"
    assert real.items["genres"].map(len).max() == 6
    assert real.items["release_year"].isna().sum() == 1
    assert real.train["timestamp"].max() < real.validation["timestamp"].min()
    assert real.validation["timestamp"].max() < real.test["timestamp"].min()


@pytest.mark.slow
def test_real_histories_are_what_brute_force_finds(real):
    events = real.events.assign(key=real.events["item_id"])
    for place in np.random.default_rng(0).integers(0, len(real.test), 40):
        row = real.test.iloc[place]
        known = events[
            (events["user_id"] == row["user_id"])
            & (events["timestamp"] < row["timestamp"])
        ].sort_values(["timestamp", "key"])[-50:]
        assert row["history_item_id"].tolist() == known["item_id"].tolist()
        assert row["history_rating"].tolist() == known["rating"].tolist()
        assert row["history_timestamp"].tolist() == known["timestamp"].tolist()


@pytest.mark.slow
def test_the_wheel_in_the_cache_has_its_checksum(real):
    import hashlib

    if (CACHE / RECBOLE.name).exists():
        digest = hashlib.sha256((CACHE / RECBOLE.name).read_bytes()).hexdigest()
        assert RECBOLE.checksum == f"sha256:{digest}"
