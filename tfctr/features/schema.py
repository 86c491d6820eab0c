"""The feature schema: what the data is, said once."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfctr.errors import InputError, UnknownName
from tfctr.features.columns import GROUP_ID, Column, encoded_columns, raw_columns
from tfctr.features.serialization import schema_from_dict, schema_to_dict
from tfctr.features.specs import (
    Categorical,
    Feature,
    Label,
    Sequence,
    Timestamp,
    Vocabulary,
    check_parents,
)
from tfctr.features.vocabularies import check_tables

__all__ = ["FeatureSchema"]

ROLES = ("user", "item", "context", "sequence")


@dataclass(frozen=True)
class FeatureSchema:
    """Features by role, labels and vocabularies of one data set.

    Args:
        user: Features of the user.
        item: Features of the item that is scored.
        context: Features of the request, its time among them.
        sequences: The user's past events.
        labels: What is to be predicted; the first is the main one.
        user_id: Name of the user feature that tells users apart.
        item_id: Name of the item feature by which clients name items.
        timestamp: Name of the context feature with the request's time, if any.
        vocabularies: Settings of vocabularies; one that no entry describes is
            learnt with default settings.
        sizes: Rows of each vocabulary's table; set by `SchemaState.schema`.

    >>> schema = FeatureSchema(
    ...     user=[Categorical("user_id")], item=[Categorical("item_id")],
    ...     labels=[Label("click")], user_id="user_id", item_id="item_id")
    >>> [column.name for column in schema.raw_columns()]
    ['user_id', 'item_id']
    """

    user: tuple[Feature, ...]
    item: tuple[Feature, ...]
    labels: tuple[Label, ...]
    user_id: str
    item_id: str
    context: tuple[Feature, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    timestamp: str | None = None
    vocabularies: tuple[Vocabulary, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    _derived: dict[tuple[str, tuple[str, ...]], list[Column]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for name in ("user", "item", "labels", "context", "sequences", "vocabularies"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "sizes", dict(self.sizes))
        self._check_names_are_distinct()
        self._check_references()
        self._complete_vocabularies()

    def __hash__(self) -> int:
        return hash(self.to_json())

    # What the schema holds -------------------------------------------------------

    def raw_columns(self, roles: Iterable[str] = ROLES) -> list[Column]:
        """Raw columns of the given roles, labels not among them."""
        return self._columns(raw_columns, roles)

    def encoded_columns(self, roles: Iterable[str] = ROLES) -> list[Column]:
        """Columns that models get, of the given roles."""
        return self._columns(encoded_columns, roles)

    def label_columns(self) -> list[str]:
        """Names in raw data of labels, then of their weights and ripeness."""
        names = [label.name for label in self.labels]
        weights = [label.weight for label in self.labels if label.weight]
        ripeness = [label.ripeness for label in self.labels if label.ripeness]
        return [*names, *dict.fromkeys([*weights, *ripeness])]

    def column(self, name: str) -> Column:
        """The raw column called `name`."""
        known = {column.name: column for column in self.raw_columns()}
        if name not in known:
            raise UnknownName("column", name, known)
        return known[name]

    def vocabulary(self, name: str) -> Vocabulary:
        """The settings of the vocabulary called `name`."""
        known = {vocabulary.name: vocabulary for vocabulary in self.vocabularies}
        if name not in known:
            raise UnknownName("vocabulary", name, known)
        return known[name]

    def vocabulary_columns(self, name: str) -> list[Column]:
        """Raw columns that a vocabulary is learnt from.

        Events in histories repeat what the examples themselves hold, so they count
        only where nothing else has the vocabulary.
        """
        columns = [
            column
            for column in self.raw_columns()
            if isinstance(column.feature, Categorical)
            and column.feature.vocabulary == name
        ]
        outside = [column for column in columns if column.sequence is None]
        return outside or columns

    def table(self, vocabulary: str) -> str:
        """Name of the table that holds a vocabulary's rows; mostly its own name."""
        return self.vocabulary(vocabulary).table

    def size(self, vocabulary: str) -> int:
        """Number of rows of a vocabulary's table, which others may share.

        Raises:
            InputError: The vocabulary is learnt and nothing was learnt yet.
        """
        settings = self.vocabulary(vocabulary)
        if settings.num_hash_buckets is not None:
            return 1 + settings.num_hash_buckets
        if settings.values is not None:
            return 1 + settings.num_oov + len(settings.values)
        if settings.capacity is not None:
            return 1 + settings.num_oov + settings.capacity
        if vocabulary not in self.sizes:
            raise InputError(
                vocabulary,
                received="a schema whose vocabularies are not learnt yet",
                expected="their sizes",
                hint="Call `state = schema.fit(frame)` and use `state.schema`.",
            )
        return self.sizes[vocabulary]

    @property
    def has_weights(self) -> bool:
        """Whether examples need weights: a label is observed in part, or weighted."""
        return any(
            label.observed_if or label.weight or label.ripeness for label in self.labels
        )

    # Learning and files ----------------------------------------------------------

    def fit(self, data: Any) -> Any:
        """Learns vocabularies and moments from a data frame or raw dataset.

        Args:
            data: A `pandas.DataFrame` with the raw columns (lists in the cells of
                multi-valued and sequence columns), or an iterable of raw batches
                (dicts of arrays).

        Returns:
            The `SchemaState`; its `schema` has the sizes that models need.
        """
        from tfctr.features.fitting import fit  # it needs the schema's own module

        return fit(self, data)

    def to_dict(self) -> dict[str, Any]:
        """The schema as JSON-ready data; `from_dict` gives it back."""
        return schema_to_dict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FeatureSchema":
        """Reads what `to_dict` wrote; unknown keys are refused by name."""
        return schema_from_dict(cls, data)

    @classmethod
    def from_json(cls, text: str) -> "FeatureSchema":
        return cls.from_dict(json.loads(text))

    def with_min_counts(self, min_counts: Mapping[str, int]) -> "FeatureSchema":
        """The schema whose vocabularies leave out rarer values, before it is learnt.

        Args:
            min_counts: New `min_count` by name of a learnt or open vocabulary.
        """
        found = {v.name: v for v in self.vocabularies}
        for name, count in min_counts.items():
            found[name] = self.vocabulary(name).with_min_count(count)
        return dataclasses.replace(self, vocabularies=tuple(found.values()), sizes={})

    def with_sizes(self, sizes: Mapping[str, int]) -> "FeatureSchema":
        return dataclasses.replace(self, sizes=dict(sizes))

    # Checks ------------------------------------------------------------------------

    def _columns(self, derive: Any, roles: Iterable[str]) -> list[Column]:
        # Asked for once a row by writers of examples, so derived once a schema.
        key = (derive.__name__, tuple(roles))
        if key not in self._derived:
            self._derived[key] = self._derive(derive, key[1])
        return list(self._derived[key])

    def _derive(self, derive: Any, roles: Iterable[str]) -> list[Column]:
        columns: list[Column] = []
        for role in roles:
            if role not in ROLES:
                raise UnknownName("role", role, ROLES)
            if role == "sequence":
                for sequence in self.sequences:
                    times = () if sequence.timestamp is None else (sequence.timestamp,)
                    for feature in (*sequence.features, *times):
                        columns += derive(feature, role, sequence)
            else:
                for feature in getattr(self, role):
                    columns += derive(feature, role)
        return columns

    def _check_names_are_distinct(self) -> None:
        names = [column.name for column in self.encoded_columns()]
        names += self.label_columns()
        for kind, found in (
            ("columns", names),
            ("sequences", [sequence.name for sequence in self.sequences]),
            ("vocabularies", [vocabulary.name for vocabulary in self.vocabularies]),
        ):
            for name in found:
                if found.count(name) > 1:
                    raise InputError(
                        name, received=f"two {kind} of that name", expected="one"
                    )
        if GROUP_ID in names:
            raise InputError(
                GROUP_ID,
                received="a column of that name",
                expected="another name: encoding adds this column itself",
            )
        if not self.labels:
            raise InputError("labels", received="none", expected="at least one label")

    def _check_references(self) -> None:
        for role, reference in (("user", self.user_id), ("item", self.item_id)):
            known = {f.name: f for f in getattr(self, role)}
            if reference not in known:
                raise UnknownName(f"{role}_id", reference, known)
            feature = known[reference]
            if not isinstance(feature, Categorical) or feature.max_values is not None:
                raise InputError(
                    f"{role}_id",
                    received=type(feature).__name__,
                    expected="a single-valued Categorical",
                )
        times = [f.name for f in self.context if isinstance(f, Timestamp)]
        if self.timestamp is not None and self.timestamp not in times:
            raise UnknownName("timestamp", self.timestamp, times)
        check_parents(self.labels)

    def _complete_vocabularies(self) -> None:
        used = dict.fromkeys(
            column.feature.vocabulary
            for column in self.raw_columns()
            if isinstance(column.feature, Categorical)
        )
        declared = {vocabulary.name: vocabulary for vocabulary in self.vocabularies}
        calendar = [
            column.name
            for column in self.encoded_columns()
            if isinstance(column.feature, Timestamp)
        ]
        for name in calendar:
            if name in used:
                raise InputError(
                    "vocabulary",
                    received=f"{name!r}, the name of a calendar feature",
                    expected="another name",
                )
        for name in declared:
            if name not in used:
                raise UnknownName("vocabulary", name, used)
        for name in self.sizes:
            if name not in used:
                raise UnknownName("sizes", name, used)
        complete = tuple(declared.get(name) or Vocabulary(name) for name in used)
        check_tables(complete, calendar)
        object.__setattr__(self, "vocabularies", complete)
