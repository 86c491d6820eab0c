"""Which columns the raw tables must have, checked before any data is read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tfctr.data.behaviour import BehaviourSpec, Source, example_sources
from tfctr.data.labels import check_rules
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema
from tfctr.features.specs import Feature
from tfctr.pipelines.beam.files import header, matching_files

__all__ = ["RawTable", "raw_tables"]


@dataclass(frozen=True)
class RawTable:
    """A raw table and what is read from it.

    Args:
        name: `"events"`, `"users"` or `"items"`, for error texts.
        files: Its files, all with the same columns.
        features: Declaration of each column that becomes a feature.
        key: Column that names the row's user or item; unique save in events.
        spec: Events only: the rules.
        weights: Events only: columns with weights of labels.
        list_separator: What separates several values of one cell in CSV.
    """

    name: str
    files: tuple[str, ...]
    features: Mapping[str, Feature]
    key: str
    spec: BehaviourSpec | None = None
    weights: tuple[str, ...] = ()
    list_separator: str = "|"

    @property
    def ids(self) -> tuple[str, ...]:
        """Columns whose cells must all hold an id."""
        if self.spec is None:
            return (self.key,)
        return (self.spec.user_key, self.spec.item_key)

    @property
    def columns(self) -> list[str]:
        """Every column that is read."""
        names = [*self.features, *self.weights]
        if self.spec is not None:
            names += [self.spec.user_key, self.spec.item_key, self.spec.time_key]
            names += [rule.column for rule in self.spec.labels.values()]
        return list(dict.fromkeys(names))

    def check_columns(self, names: Iterable[str]) -> None:
        """Refuses a header that lacks a column; offers the nearest that is there."""
        names = list(names)
        for column in self.columns:
            if column not in names:
                raise UnknownName(f"column of {self.files[0]}", column, names)


def raw_tables(
    schema: FeatureSchema,
    spec: BehaviourSpec,
    paths: Mapping[str, str],
    *,
    list_separator: str = "|",
) -> tuple[dict[str, RawTable], dict[str, Source]]:
    """Finds the columns of the raw tables and where each feature comes from.

    Args:
        schema: The declaration.
        spec: The rules.
        paths: Path or pattern of `events`, `items` and, if there is one, `users`.
        list_separator: What separates several values of one cell in CSV.

    Returns:
        The tables by name, and the source of each raw column of the schema.

    Raises:
        InputError: A file does not exist or is empty.
        UnknownName: A column is missing; offers the nearest that exists.
    """
    check_rules(schema, spec)
    weights = schema.label_columns()[len(schema.labels) :]
    files = {name: matching_files(name, path) for name, path in paths.items()}
    headers = {name: header(name, found) for name, found in files.items()}
    sources = example_sources(schema, spec, headers["events"], headers["items"])
    ids = {
        "events": {
            spec.user_key: _declared(schema, schema.user_id),
            spec.item_key: _declared(schema, schema.item_id),
        },
        "users": {spec.user_key: _declared(schema, schema.user_id)},
        "items": {spec.item_key: _declared(schema, schema.item_id)},
    }
    features = _features(schema, spec, sources)
    _check_users(features["users"], files)
    tables = {}
    for name, found in files.items():
        is_events = name == "events"
        tables[name] = RawTable(
            name=name,
            files=tuple(found),
            features={**ids[name], **features[name]},
            key=spec.item_key if name == "items" else spec.user_key,
            spec=spec if is_events else None,
            list_separator=list_separator,
            weights=tuple(weights) if is_events else (),
        )
        tables[name].check_columns(headers[name])
    return tables, sources


def _check_users(features: Mapping[str, Feature], files: Iterable[str]) -> None:
    if features and "users" not in files:
        raise InputError(
            "data.users",
            received="nothing",
            expected=f"the path of a table with {', '.join(features)}",
        )


def _declared(schema: FeatureSchema, name: str) -> Feature:
    return schema.column(name).feature


def _features(
    schema: FeatureSchema, spec: BehaviourSpec, sources: Mapping[str, Source]
) -> dict[str, dict[str, Feature]]:
    """Declaration of each source column, by table."""
    features: dict[str, dict[str, Feature]] = {"events": {}, "users": {}, "items": {}}
    for column in schema.raw_columns():
        source = sources[column.name]
        if source == Source("event", spec.time_key):
            continue  # every event has its time
        table = features[f"{source.table}s"]
        known = table.setdefault(source.column, column.feature)
        if _kind(known) != _kind(column.feature):
            raise InputError(
                column.name,
                received=f"{column.feature} of column {source.column!r}",
                expected=f"what the same column is elsewhere, {known}",
            )
    return features


def _kind(feature: Feature) -> tuple[object, ...]:
    """What decides how raw cells are read."""
    if isinstance(feature, Categorical):
        return ("categorical", feature.dtype, feature.max_values is None)
    return (type(feature), getattr(feature, "dim", None))
