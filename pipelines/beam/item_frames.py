"""The item table as frames: raw columns as declared, and columns for display."""

from collections.abc import Iterator

import pandas as pd

from tfctr.data.cells import as_objects
from tfctr.features import FeatureSchema
from tfctr.pipelines.beam.files import header, matching_files, read_pieces
from tfctr.pipelines.beam.reading import rows_of_frame
from tfctr.pipelines.beam.tables import RawTable

__all__ = ["item_frames"]


def item_frames(
    schema: FeatureSchema, pattern: str, item_key: str, *, list_separator: str = "|"
) -> Iterator[pd.DataFrame]:
    """Pieces of the item table with the schema's raw item columns.

    Columns that the schema does not name come along as they are, for display.

    Args:
        schema: The declaration.
        pattern: Path or pattern of the item table.
        item_key: Its column with the item id.
        list_separator: What separates several values of one cell in CSV.

    Raises:
        InputError: Names the column, the cell, its row and the file.
    """
    files = matching_files("items", pattern)
    names = header("items", files)
    features = {
        item_key if column.name == schema.item_id else column.name: column.feature
        for column in schema.raw_columns(("item",))
    }
    table = RawTable(
        "items", tuple(files), features, item_key, list_separator=list_separator
    )
    table.check_columns(names)
    for file in files:
        for frame in read_pieces(file, names):
            is_text = file.endswith(".csv")
            rows = rows_of_frame(frame, table, file, is_text=is_text)
            typed = pd.DataFrame(
                {name: as_objects([row[name] for row in rows]) for name in features},
                index=frame.index,
            )
            display = frame.drop(columns=list(features))
            joined = pd.concat([typed, display], axis=1).infer_objects()
            yield joined.rename(columns={item_key: schema.item_id})
