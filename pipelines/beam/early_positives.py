"""Positives of the earliest part of the log, which has no examples."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pandas as pd
from apache_beam.io.filesystems import FileSystems

from tfctr.data.behaviour import SPLITS, BehaviourSpec, Source
from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.pipelines.beam.behaviour_examples import BehaviourExamples
from tfctr.pipelines.beam.events import Event
from tfctr.pipelines.beam.tables import RawTable, raw_tables
from tfctr.pipelines.beam.user_examples import Row, UserExamples
from tfctr.pipelines.errors import input_error_in

__all__ = ["TIME", "EarlyPositives"]

TIME = "_time"


@dataclass(frozen=True)
class _UserPositives(UserExamples):
    """Rows of a user's positives before the train part, without histories.

    Args:
        schema: What an example holds.
        spec: The rules.
        sources: Where each raw column comes from.
        features: Columns of a row, beside the time.
    """

    features: Sequence[str] = ()

    def by_split(
        self,
        events: Iterable[Event],
        user: Row | None,
        items: Mapping[Any, Row],
        candidates: Sequence[Any],
        boundaries: tuple[int, int, int],
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows, all of the part `train`.

        Args:
            events: All events of the user, in any order.
            user: The user's row, `None` for one that the table lacks.
            items: Rows of the item table by id.
            candidates: Not used.
            boundaries: Times at which train, validation and test begin.
        """
        main = next(iter(self.spec.labels))
        for event in events:
            if event.time < boundaries[0] and event.labels[main] == 1:
                whole = {**self._shared(event, user), **self._item(event.item, items)}
                row = {name: whole[name] for name in self.features}
                yield SPLITS[0], {**row, TIME: event.time}


@dataclass(frozen=True)
class EarlyPositives:
    """Reads the events that `BehaviourSpec.history_only_fraction` leaves to histories.

    Args:
        schema: What an example holds.
        spec: The rules.
        tables: The raw tables, from `raw_tables`.
        sources: Where each raw column comes from, from `raw_tables`.
    """

    schema: FeatureSchema
    spec: BehaviourSpec
    tables: Mapping[str, RawTable]
    sources: Mapping[str, Source]

    @classmethod
    def of(
        cls,
        schema: FeatureSchema,
        spec: BehaviourSpec,
        paths: Mapping[str, str],
        list_separator: str = "|",
    ) -> "EarlyPositives":
        """Of raw tables by path.

        Args:
            schema: What an example holds.
            spec: The rules.
            paths: As `raw_tables` takes them.
            list_separator: As `raw_tables` takes it.

        Raises:
            InputError: As `raw_tables`.
            UnknownName: As `raw_tables`.
        """
        found = raw_tables(schema, spec, paths, list_separator=list_separator)
        return cls(schema, spec, *found)

    def read(
        self,
        features: Sequence[str],
        make_pipeline: Callable[[], beam.Pipeline],
        file: str,
    ) -> pd.DataFrame:
        """Runs a pipeline and gives its rows, in an order that is always the same.

        Args:
            features: Raw columns to read; none of a history.
            make_pipeline: Makes the Beam pipeline.
            file: Path or address of a file to write, which the workers reach.

        Returns:
            One row for each positive, with the columns and `TIME`.

        Raises:
            InputError: A column of a history, or a bad cell.
        """
        for name in features:
            if self.schema.column(name).role == "sequence":
                raise InputError(
                    "id_pretraining.arguments",
                    received=f"{name!r}, of a history",
                    expected="features of users, items and requests, or `positives`",
                )
        make = _UserPositives(self.schema, self.spec, self.sources, tuple(features))
        transform = BehaviourExamples(
            self.schema, self.spec, self.tables, self.sources, make
        )
        try:
            with make_pipeline() as pipeline:
                rows = (pipeline | transform)[SPLITS[0]]
                gathered = rows | "Gather" >> beam.combiners.ToList()
                _ = gathered | "Write" >> beam.Map(_write, [*features, TIME], file)
        except Exception as error:
            found = input_error_in(error)
            if found is None:
                raise
            raise found from error
        with FileSystems.open(file) as stream:
            frame = pd.read_parquet(io.BytesIO(stream.read()))
        FileSystems.delete([file])
        return frame


def _write(rows: list[dict[str, Any]], columns: list[str], file: str) -> None:
    """Writes rows by time; those of one time in the order of their texts."""
    rows.sort(key=lambda row: (row[TIME], repr(row)))
    buffer = io.BytesIO()
    pd.DataFrame(rows, columns=columns).to_parquet(buffer)
    with FileSystems.create(file) as stream:
        stream.write(buffer.getvalue())
