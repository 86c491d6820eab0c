"""Reading raw tables from CSV and Parquet, with errors that name file and cell."""

import difflib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tfctr.data.behaviour import BehaviourSpec, example_sources
from tfctr.data.cells import Cells, bad_cell
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema
from tfctr.features.specs import Feature

__all__ = ["column_types", "read_columns", "read_table"]

TYPES = ("string", "number", "strings", "numbers")


def read_table(
    path: str | Path, types: Mapping[str, str] | None = None, *, separator: str = "|"
) -> pd.DataFrame:
    """Reads a table whose first line (CSV) or schema (Parquet) names its columns.

    Args:
        path: File that ends in `.csv`, `.tsv` or `.parquet`.
        types: Columns that must be there, and how to read them: `"string"`,
            `"number"`, or lists of them, `"strings"` and `"numbers"`. Other columns
            keep the type that the file suggests. A Parquet file has its own types.
        separator: What stands between the values of a list in a CSV cell.

    Returns:
        The table, all its columns, rows as in the file.

    Raises:
        InputError: The file is missing, empty, cut off or ragged, lacks a column, or a
            cell that should hold a number does not.
    """
    path, types = Path(path), dict(types or {})
    for column, kind in types.items():
        if kind not in TYPES:
            raise UnknownName(f"type of {column}", kind, TYPES)
    if not path.is_file():
        raise InputError(str(path), received="no such file", expected="a table")
    if path.stat().st_size == 0:
        raise InputError(str(path), received="an empty file", expected="a table")
    is_csv = path.suffix in (".csv", ".tsv")
    if not is_csv and path.suffix != ".parquet":
        raise UnknownName("file ending", path.suffix, (".csv", ".tsv", ".parquet"))
    names = read_columns(path)
    for column in types:
        if column not in names:
            near = difflib.get_close_matches(column, names, n=1)
            raise InputError(
                column,
                received=f"{path} with the columns {', '.join(names)}",
                expected="a column of that name",
                hint=f"Did you mean {near[0]!r}?" if near else "",
            )
    frame = _read_csv(path, types) if is_csv else _read_parquet(path)
    if not len(frame):
        raise InputError(
            str(path), received="column names without rows", expected="at least one row"
        )
    if is_csv:
        for column, kind in types.items():
            frame[column] = _converted(frame[column], kind, path.name, separator)
    return frame


def read_columns(path: str | Path) -> list[str]:
    """Names of a table's columns, without reading its rows."""
    path = Path(path)
    try:
        if path.suffix == ".parquet":
            return list(pyarrow.parquet.read_schema(path).names)
        with pyarrow.csv.open_csv(path, parse_options=_parsing(path)) as reader:
            return list(reader.schema.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def column_types(
    schema: FeatureSchema, spec: BehaviourSpec, paths: Mapping[str, str | Path]
) -> dict[str, dict[str, str]]:
    """How to read each table's columns, so that they fit a schema.

    Args:
        schema: The declaration.
        spec: Names of the keys.
        paths: Files of `event`, `user` and `item`.

    Returns:
        For each table the `types` of `read_table`. Times and label columns are left
        as text where they may be: the checks of `build_examples` read both.
    """
    names = {table: read_columns(path) for table, path in paths.items()}
    sources = example_sources(schema, spec, names["event"], names.get("item", ()))
    types: dict[str, dict[str, str]] = {table: {} for table in paths}
    for raw, source in sources.items():
        feature = schema.column(raw).feature
        is_time = (source.table, source.column) == ("event", spec.time_key)
        if source.table in types and not is_time:
            types[source.table][source.column] = _kind(feature)
    keys = {"user": (spec.user_key, schema.user_id)}
    keys["item"] = (spec.item_key, schema.item_id)
    for table, (key, feature_name) in keys.items():
        if table in types:
            types[table][key] = _kind(schema.column(feature_name).feature)
    types["event"][spec.time_key] = "string"
    return types


def _kind(feature: Feature) -> str:
    if not isinstance(feature, Categorical):
        return "numbers" if hasattr(feature, "dim") else "number"
    kind = "string" if feature.dtype == "string" else "number"
    return kind if feature.max_values is None else f"{kind}s"


def _parsing(path: Path) -> pyarrow.csv.ParseOptions:
    delimiter = "\t" if path.suffix == ".tsv" else ","
    return pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)


def _read_csv(path: Path, types: Mapping[str, str]) -> pd.DataFrame:
    # Declared columns come as text: 007 stays 007, and a bad number can be named.
    convert = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(types, pa.string()), strings_can_be_null=False
    )
    try:
        table = pyarrow.csv.read_csv(
            path, parse_options=_parsing(path), convert_options=convert
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error
    return table.to_pandas()


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pyarrow.parquet.read_table(path).to_pandas()
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    kind = "a whole Parquet file" if path.suffix == ".parquet" else "a whole CSV file"
    return InputError(
        str(path),
        received=str(error).splitlines()[0],
        expected=kind,
        hint="The file may be cut off.",
    )


def _converted(cells: Cells, kind: str, table: str, separator: str) -> Cells:
    if kind == "string":
        return cells
    if kind == "number":
        return _numbers(cells, table)
    lists = cells.str.split(separator).map(lambda v: [t for t in v if t])
    if kind == "strings":
        return lists
    flat = _numbers(lists.explode().fillna(""), table)
    return flat.groupby(level=0).agg(lambda v: v.dropna().tolist())


def _numbers(cells: Cells, table: str) -> Cells:
    numbers = pd.to_numeric(cells, errors="coerce")
    bad = (numbers.isna() & (cells.str.strip() != "")).to_numpy().nonzero()[0]
    for place in bad[:1]:
        if str(cells.iloc[place]).strip().lower() not in ("nan", "null", "na"):
            raise bad_cell(cells, int(place), table, "a number")
    return numbers
