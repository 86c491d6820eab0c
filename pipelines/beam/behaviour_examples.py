"""From raw tables to point-in-time examples, split by global time."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from tfctr.data.behaviour import SPLITS, BehaviourSpec, Source
from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.pipelines.beam.events import count_event, plan_splits
from tfctr.pipelines.beam.reading import ReadTable
from tfctr.pipelines.beam.tables import RawTable
from tfctr.pipelines.beam.user_examples import UserExamples

__all__ = ["BehaviourExamples"]


class BehaviourExamples(beam.PTransform):
    """Raw examples of every event, and of its negatives.

    The log is grouped by user; the item table is a side input, because it must fit
    in memory to be served anyway. One more pass counts events by time, which gives
    the boundaries of the splits.

    Applied to a pipeline it returns the splits, a dict `name -> PCollection` of
    dicts as `tfctr.features.to_example` takes them.

    Args:
        schema: What an example holds.
        spec: The rules.
        tables: The raw tables, from `raw_tables`.
        sources: Where each raw column comes from, from `raw_tables`.
        make: What makes a user's rows: `UserExamples` by default, or `UserSequences`.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        spec: BehaviourSpec,
        tables: Mapping[str, RawTable],
        sources: Mapping[str, Source],
        make: UserExamples | None = None,
    ) -> None:
        super().__init__()
        self.schema, self.spec = schema, spec
        self.tables = tables
        self.make = make or UserExamples(schema, spec, sources)

    def expand(self, begin: Any) -> dict[str, Any]:
        rows = {
            name: begin | f"Read_{name}" >> ReadTable(table)
            for name, table in self.tables.items()
        }
        items = rows["items"] | "ItemTable" >> beam.CombineGlobally(
            _UniqueRows(self.tables["items"])
        )
        boundaries = (
            rows["events"]
            | "Count" >> beam.FlatMap(count_event, self.schema)
            | "Sum" >> beam.CombinePerKey(sum)
            | "Counts" >> beam.combiners.ToList()
            | "Boundaries" >> beam.Map(plan_splits, self.schema, self.spec)
        )
        by_user = {"events": rows["events"] | beam.Map(lambda e: (e.user, e))}
        if "users" in rows:
            key = self.tables["users"].key
            by_user["users"] = rows["users"] | beam.Map(lambda u: (u[key], u))
        examples = (
            by_user
            | "GroupByUser" >> beam.CoGroupByKey()
            | "Examples"
            >> beam.ParDo(
                _MakeExamples(self.make),
                items=beam.pvalue.AsSingleton(items),
                boundaries=beam.pvalue.AsSingleton(boundaries),
            ).with_outputs(*SPLITS)
        )
        return {split: examples[split] for split in SPLITS}


class _UniqueRows(beam.CombineFn):
    """Gathers the rows of a table by id; refuses an id that comes twice."""

    def __init__(self, table: RawTable) -> None:
        super().__init__()
        self.table = table

    def create_accumulator(self) -> dict[Any, Any]:
        return {}

    def add_input(self, rows: dict[Any, Any], row: Any) -> dict[Any, Any]:
        self._check(rows, [row[self.table.key]])
        rows[row[self.table.key]] = row
        return rows

    def merge_accumulators(self, parts: Iterable[dict[Any, Any]]) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        for part in parts:
            self._check(merged, part)
            merged.update(part)
        return merged

    def extract_output(self, rows: dict[Any, Any]) -> dict[Any, Any]:
        return rows

    def _check(self, rows: dict[Any, Any], ids: Iterable[Any]) -> None:
        for value in ids:
            if value in rows:
                raise _twice(self.table, value)


class _MakeExamples(beam.DoFn):
    def __init__(self, make: UserExamples) -> None:
        super().__init__()
        self.make = make
        self._candidates: tuple[Any, ...] | None = None

    def process(
        self,
        grouped: tuple[Any, Mapping[str, Iterable[Any]]],
        items: Mapping[Any, Any],
        boundaries: tuple[int, int, int],
    ) -> Iterator[Any]:
        key, found = grouped
        users = list(found.get("users", ()))
        if len(users) > 1:
            raise InputError(
                self.make.spec.user_key,
                received=f"{key!r} in {len(users)} rows of users",
                expected="one row for each id",
            )
        if self._candidates is None:
            self._candidates = tuple(sorted(items))
        user = users[0] if users else None
        rows = self.make.by_split(
            found["events"], user, items, self._candidates, boundaries
        )
        for split, row in rows:
            yield beam.pvalue.TaggedOutput(split, row)


def _twice(table: RawTable, value: Any) -> InputError:
    return InputError(
        table.key,
        received=f"{value!r} in two rows of {', '.join(table.files)}",
        expected="one row for each id",
    )
