"""A column of a raw table to a folder of vectors, on any runner."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from tfctr.errors import UnknownName
from tfctr.pipelines.beam.encoding import EncodeText, WriteVectors
from tfctr.pipelines.beam.files import header, matching_files, read_pieces
from tfctr.pipelines.errors import input_error_in

__all__ = ["encode_table"]


def encode_table(
    pattern: str,
    id_column: str,
    column: str,
    transform: EncodeText,
    folder: str | Path,
    *,
    dtype: str = "float16",
    beam_args: Sequence[str] = (),
) -> None:
    """Encodes a column of a table by Beam, on any runner.

    Args:
        pattern: Path or pattern of `.csv` or `.parquet` files.
        id_column: Its column with the item ids.
        column: Its column with the texts or paths.
        transform: What encodes.
        folder: Gets `ids.npy` and `vectors.npy`.
        dtype: `"float16"` or `"float32"`.
        beam_args: Options of the pipeline, such as `--direct_num_workers=2`.

    Raises:
        InputError: A file, text or image that cannot be read, or as `EncodeText`.
        UnknownName: No such column, or as `EncodeText`.
    """
    files = matching_files("table", pattern)
    names = header("table", files)
    for one in (id_column, column):
        if one not in names:
            raise UnknownName(f"column of {files[0]}", one, names)
    write = WriteVectors(folder, dtype)
    try:
        _run(files, (id_column, column), transform, write, beam_args)
    except Exception as error:
        cause = input_error_in(error)
        if cause is None or cause is error:
            raise
        raise cause from error


def _run(
    files: Sequence[str],
    columns: tuple[str, str],
    transform: EncodeText,
    write: WriteVectors,
    beam_args: Sequence[str],
) -> None:
    with beam.Pipeline(options=PipelineOptions(list(beam_args))) as pipeline:
        _ = (
            pipeline
            | "Files" >> beam.Create(files)
            | "SpreadFiles" >> beam.Reshuffle()
            | "Pairs" >> beam.FlatMap(_pairs_of_file, *columns)
            | "Vectors" >> transform
            | "Folder" >> write
        )


def _pairs_of_file(file: str, id_column: str, column: str) -> Iterator[Any]:
    for frame in read_pieces(file, [id_column, column]):
        yield from zip(frame[id_column], frame[column], strict=True)
