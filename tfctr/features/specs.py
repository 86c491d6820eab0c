"""The kinds of feature: frozen records that say what a column holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tfctr.errors import InputError, UnknownName
from tfctr.features.checks import check_name, check_positive
from tfctr.features.vocabularies import Vocabulary

__all__ = [
    "CALENDAR_UNITS",
    "Categorical",
    "Feature",
    "Label",
    "Numeric",
    "Sequence",
    "Timestamp",
    "Vector",
    "Vocabulary",
    "check_parents",
]

# Number of values of each calendar unit; ids start at 1, 0 is a missing time.
CALENDAR_UNITS = {"hour": 24, "weekday": 7, "day": 31, "month": 12}
LABEL_KINDS = ("binary", "value")
TRANSFORMS = ("standardize", "log_standardize", "none")


@dataclass(frozen=True)
class Categorical:
    """An id or a category; several of them where `max_values` is given.

    Args:
        name: Column name.
        dtype: `"string"` or `"int64"`. Missing is `""` or `-1`.
        vocabulary: Name of its vocabulary; the feature's own name by default.
        max_values: Makes it multi-valued, with at most so many values.
    """

    name: str
    dtype: str = "string"
    vocabulary: str = ""
    max_values: int | None = None

    def __post_init__(self) -> None:
        check_name("Categorical", self.name)
        check_positive(f"{self.name}.max_values", self.max_values)
        if self.dtype not in ("string", "int64"):
            raise UnknownName(f"{self.name}.dtype", self.dtype, ("string", "int64"))
        if not self.vocabulary:
            object.__setattr__(self, "vocabulary", self.name)


@dataclass(frozen=True)
class Numeric:
    """A number, scaled to mean 0 and deviation 1; missing is NaN and becomes 0.

    Args:
        name: Column name.
        transform: `"standardize"`, `"log_standardize"` (of `log(1 + max(x, 0))`)
            or `"none"`.
    """

    name: str
    transform: str = "standardize"

    def __post_init__(self) -> None:
        check_name("Numeric", self.name)
        if self.transform not in TRANSFORMS:
            raise UnknownName(f"{self.name}.transform", self.transform, TRANSFORMS)


@dataclass(frozen=True)
class Vector:
    """A precomputed embedding, for example of a text or an image.

    Args:
        name: Column name.
        dim: Its width. A missing vector is all NaN and becomes zeros. One that is NaN
            or infinite in part is refused where tables are read; in a served request
            and in record files it counts as missing.
    """

    name: str
    dim: int

    def __post_init__(self) -> None:
        check_name("Vector", self.name)
        check_positive(f"{self.name}.dim", self.dim)

    def check_width(self, column: str, shape: Iterable[int | None]) -> None:
        """Refuses a column whose last axis has another width, if that is known."""
        width = [*shape][-1:]
        if width not in ([self.dim], [None]):
            raise InputError(
                column,
                received=f"vectors of width {width[0]}" if width else "one number",
                expected=f"width {self.dim}",
            )


@dataclass(frozen=True)
class Timestamp:
    """Seconds since 1970-01-01 UTC, with the calendar features to derive from it.

    Args:
        name: Column name. Missing is -1.
        time_zone: IANA name of the zone in which `calendar` is read.
        calendar: Which of `hour`, `weekday` (Monday first), `day`, `month` become
            categorical features, named `<name>_<unit>`.
    """

    name: str
    time_zone: str = "UTC"
    calendar: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("Timestamp", self.name)
        object.__setattr__(self, "calendar", tuple(self.calendar))
        for unit in self.calendar:
            if unit not in CALENDAR_UNITS:
                raise UnknownName(f"{self.name}.calendar", unit, CALENDAR_UNITS)
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InputError(
                f"{self.name}.time_zone",
                received=repr(self.time_zone),
                expected="an IANA time zone such as 'Europe/Berlin'",
            ) from error


Feature: TypeAlias = Categorical | Numeric | Vector | Timestamp


@dataclass(frozen=True)
class Sequence:
    """A user's past events, oldest first, padded at the end.

    Its columns are named `<sequence>_<feature>`. An event is real where its first
    feature is not missing. Longer histories keep their most recent events.

    Args:
        name: Name of the sequence.
        features: Features of each event; the first must be a single-valued
            `Categorical` that no real event lacks, usually the item id. An event
            feature with the name of an item feature is the same property.
        timestamp: Time of each event, if known.
        action: Name of the event feature that says what the user did, if any.
        max_length: Number of events kept.
    """

    name: str
    features: tuple[Feature, ...]
    timestamp: Timestamp | None = None
    action: str | None = None
    max_length: int = 50

    def __post_init__(self) -> None:
        check_name("Sequence", self.name)
        check_positive(f"{self.name}.max_length", self.max_length)
        object.__setattr__(self, "features", tuple(self.features))
        first = self.features[0] if self.features else None
        if not isinstance(first, Categorical) or first.max_values is not None:
            raise InputError(
                f"{self.name}.features",
                received=f"{first} as first feature",
                expected="a single-valued `Categorical` that marks real events",
            )
        if not isinstance(self.timestamp, Timestamp | None):
            raise InputError(
                f"{self.name}.timestamp",
                received=type(self.timestamp).__name__,
                expected="a Timestamp",
            )
        names = [feature.name for feature in self.features]
        if self.action is not None and self.action not in names:
            raise UnknownName(f"{self.name}.action", self.action, names)


@dataclass(frozen=True)
class Label:
    """What is to be predicted: 0 or 1, or a value.

    Args:
        name: Column name.
        observed_if: Name of another label; this one counts only where that is 1.
        weight: Name of a float column with the example's weight for this label.
        ripeness: Name of a float column for a label that may still become 1: the
            share, from 0 to 1, of those that ever do that have done so by the time at
            which the example is looked at. `tfctr.data.attribute_conversions` makes
            it.
        kind: `"binary"`, or `"value"`: a number of at least 0, most of them 0 perhaps,
            such as what was spent.
    """

    name: str
    observed_if: str | None = None
    weight: str | None = None
    ripeness: str | None = None
    kind: str = "binary"

    @property
    def is_value(self) -> bool:
        """Whether it is a number of at least 0, rather than 0 or 1."""
        return self.kind == "value"

    def __post_init__(self) -> None:
        check_name("Label", self.name)
        if self.kind not in LABEL_KINDS:
            raise UnknownName(f"{self.name}.kind", self.kind, LABEL_KINDS)
        if self.is_value and self.ripeness is not None:
            raise InputError(
                f"{self.name}.ripeness",
                received="one of a value",
                expected="none: only what is 0 or 1 ripens",
            )
        if self.observed_if == self.name:
            raise InputError(
                f"{self.name}.observed_if",
                received="the label itself",
                expected="another label",
            )
        if self.weight is not None:
            check_name("Label.weight", self.weight)
        if self.ripeness is not None:
            check_name("Label.ripeness", self.ripeness)


def check_parents(labels: Iterable[Label]) -> None:
    """Holds the labels that others depend on to be there, and of 0 and 1.

    Args:
        labels: All labels of a schema.
    """
    by_name = {label.name: label for label in labels}
    for label in by_name.values():
        parent = label.observed_if
        if parent is not None and parent not in by_name:
            raise UnknownName(f"{label.name}.observed_if", parent, by_name)
        if parent is not None and by_name[parent].is_value:
            raise InputError(
                f"{label.name}.observed_if",
                received=f"{parent!r}, a value",
                expected="a label of 0 and 1",
            )
