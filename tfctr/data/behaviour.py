"""How a log of events becomes examples: the rules, shared by pandas and Beam.

Everything here is a pure function of its arguments, so that two builders that see
the same events in any order and in any process make the same examples.
"""

import bisect
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tfctr.data.label_rule import LabelRule
from tfctr.data.sources import Source, example_sources
from tfctr.errors import InputError, UnknownName

__all__ = [
    "SPLITS",
    "BehaviourSpec",
    "LabelRule",
    "Source",
    "event_order",
    "example_sources",
    "history_of",
    "is_missing",
    "label_value",
    "num_known",
    "split_boundaries",
    "split_of",
]

SPLITS = ("train", "validation", "test")
COUNTS = ("negatives_per_positive", "repeat_negatives_per_positive")


@dataclass(frozen=True)
class BehaviourSpec:
    """How examples are made from a log of events.

    Every event is one example. Its history holds the user's events strictly before
    `time - history_lag_seconds`. With the sorted times `t` of all `N` events, train
    is before `t[floor(train_fraction * N)]`, test is at or after
    `t[floor((train_fraction + validation_fraction) * N)]`, validation lies between.
    Events before `t[floor(history_only_fraction * N)]` are in histories alone.

    Args:
        user_key: Column of events and users that tells users apart.
        item_key: Column of events and items that tells items apart.
        time_key: Event column with the time in whole seconds since 1970, UTC.
        labels: Rule of each label; the first one says which events are positive.
        history_lag_seconds: Time an event needs until a request can know it.
        history_only_fraction: Share of events, the earliest, that are no examples:
            for histories that are not empty at the start, or for tables of ids, which
            must be learnt from an earlier window than the ranker's.
        train_fraction: Share of events before the validation part, those included.
        validation_fraction: Share of events in the validation part.
        negatives_per_positive: Items drawn for each positive event, with all labels 0.
        negatives_exclude: Which items are never drawn: `"seen"`, all with an event of
            the user up to that time, or `"now"`, only those with an event at that very
            time. With the first an item of the history is always positive: right where
            users meet an item once, a leak where they come back to it.
        repeat_negatives_per_positive: The same from items that the user's request may
            know and that have no event at that time.
        seed: Seed of these draws.

    >>> spec = BehaviourSpec("user", "item", "time", {"click": LabelRule("clicked")})
    >>> BehaviourSpec.from_dict(spec.to_dict()) == spec
    True
    """

    user_key: str
    item_key: str
    time_key: str
    labels: Mapping[str, LabelRule] = field(default_factory=dict)
    history_lag_seconds: int = 0
    history_only_fraction: float = 0.0
    train_fraction: float = 0.8
    validation_fraction: float = 0.1
    negatives_per_positive: int = 0
    negatives_exclude: Literal["seen", "now"] = "seen"
    repeat_negatives_per_positive: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", dict(self.labels))
        if not self.labels:
            raise InputError("labels", received="none", expected="at least one rule")
        for name in ("history_lag_seconds", *COUNTS, "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InputError(
                    name, received=repr(value), expected="a whole number of at least 0"
                )
        kinds, kind = ("seen", "now"), self.negatives_exclude
        if kind not in kinds:
            raise UnknownName("negatives_exclude", kind, kinds)
        if not 0 < self.train_fraction <= 1:
            raise InputError(
                "train_fraction",
                received=self.train_fraction,
                expected="a number above 0 and at most 1",
            )
        if not 0 <= self.history_only_fraction < self.train_fraction:
            raise InputError(
                "history_only_fraction",
                received=self.history_only_fraction,
                expected=f"a number from 0 to below {self.train_fraction:g},"
                " which is `train_fraction`",
            )
        if not 0 <= self.validation_fraction <= 1 - self.train_fraction + 1e-9:
            raise InputError(
                "validation_fraction",
                received=self.validation_fraction,
                expected=f"a number from 0 to {1 - self.train_fraction:g},"
                " which is what `train_fraction` leaves",
            )

    @property
    def positive(self) -> LabelRule:
        """The rule of the first label, which says which events are positive."""
        return next(iter(self.labels.values()))

    @property
    def draws_negatives(self) -> bool:
        """Whether positive events get any negatives."""
        return self.negatives_per_positive + self.repeat_negatives_per_positive > 0

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready data; `from_dict` gives the spec back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "BehaviourSpec":
        """Reads what `to_dict` wrote; unknown and missing keys are refused by name."""
        values = _known(cls, data)
        rules = values.get("labels", {})
        values["labels"] = {
            name: rule
            if isinstance(rule, LabelRule)
            else LabelRule(**_known(LabelRule, rule))
            for name, rule in rules.items()
        }
        return cls(**values)


def _known(cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` after a check that its keys are those of the dataclass `cls`."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for key in data:
        if key not in fields:
            raise UnknownName(f"{cls.__name__} key", key, fields)
    for name, entry in fields.items():
        optional = (entry.default, entry.default_factory) != (dataclasses.MISSING,) * 2
        if not optional and name not in data:
            raise InputError(
                name, received="nothing", expected=f"a value for {cls.__name__}"
            )
    return dict(data)


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: `None`, NaN, `NaT` or an empty text."""
    return value is None or value == "" or value != value


def label_value(rule: LabelRule, row: Mapping[str, Any]) -> float:
    """The label that `rule` gives to the event `row`: 0, 1, a value, or NaN if unknown.

    >>> label_value(LabelRule("rating", at_least=4), {"rating": 5})
    1.0
    """
    value = row[rule.column]
    if is_missing(value):
        return math.nan
    if isinstance(rule.equals, str):
        return float(str(value) == rule.equals)
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InputError(
            rule.column, received=repr(value), expected="a number"
        ) from error
    if rule.equals is not None:
        return float(number == float(rule.equals))
    return number if rule.at_least is None else float(number >= rule.at_least)


def split_boundaries(
    times: Iterable[int] | Mapping[int, int], spec: BehaviourSpec
) -> tuple[int, int, int]:
    """The times at which train, validation and test begin.

    Args:
        times: Times of all events in any order, or a histogram time -> events.
        spec: Has the fractions.

    Returns:
        `(t0, t1, t2)`; a boundary behind the last event is one second after it.

    Raises:
        InputError: There are no events.

    >>> rules = {"click": LabelRule("clicked")}
    >>> split_boundaries(range(100), BehaviourSpec("user", "item", "time", rules))
    (0, 80, 90)
    """
    if isinstance(times, Mapping):
        counts = {int(time): int(n) for time, n in times.items() if n}
    else:
        counts = {}
        for time in times:
            counts[int(time)] = counts.get(int(time), 0) + 1
    if not counts:
        raise InputError(spec.time_key, received="no events", expected="at least one")
    ordered = sorted(counts)
    total = sum(counts.values())
    tail = spec.train_fraction + spec.validation_fraction
    shares = (spec.history_only_fraction, spec.train_fraction, tail)
    ranks = [_rank(fraction, total) for fraction in shares]
    ends, before = [], 0
    for time in ordered:
        before += counts[time]
        ends.append(before)  # number of events up to and including `time`
    found = [bisect.bisect_right(ends, rank) for rank in ranks]
    start, first, second = (
        ordered[i] if i < len(ordered) else ordered[-1] + 1 for i in found
    )
    return start, first, second


def _rank(fraction: float, total: int) -> int:
    # 0.7 + 0.2 is a little below 0.9: rounding first gives the rank that was meant.
    return math.floor(round(fraction * total, 6))


def split_of(time: int, boundaries: tuple[int, int, int]) -> str | None:
    """Name of the split that holds an event of that time; none before train."""
    place = bisect.bisect_right(boundaries, time)
    return SPLITS[place - 1] if place else None


def event_order(event: Mapping[str, Any], spec: BehaviourSpec) -> tuple[Any, ...]:
    """Sort key of one user's events: time, then item id, then what labels look at.

    The last part only orders repeated events, so that the result never depends on
    the order in which they arrived.
    """
    columns = sorted({rule.column for rule in spec.labels.values()})
    rest = (_comparable(event[column]) for column in columns)
    return (int(event[spec.time_key]), event[spec.item_key], *rest)


def _comparable(value: Any) -> tuple[int, float, str]:
    """A key that orders missing values, then numbers, then texts."""
    if is_missing(value):
        return (0, 0.0, "")
    try:
        return (1, float(value), "")
    except (TypeError, ValueError):
        return (2, 0.0, str(value))


def history_of(
    events: Sequence[Mapping[str, Any]],
    request_time: int,
    spec: BehaviourSpec,
    max_length: int,
) -> list[Mapping[str, Any]]:
    """The events that a request at `request_time` may know, oldest first.

    Args:
        events: All events of the user, sorted by `event_order`.
        request_time: Time of the request in seconds.
        spec: Has the time column and the lag.
        max_length: The most recent so many are kept.

    Returns:
        Events with time strictly before `request_time - history_lag_seconds`.
    """
    end = num_known(events, request_time, spec)
    return list(events[max(0, end - max_length) : end])


def num_known(
    events: Sequence[Mapping[str, Any]], request_time: int, spec: BehaviourSpec
) -> int:
    """How many of a user's events, in order, a request at `request_time` may know."""
    cutoff = request_time - spec.history_lag_seconds
    return bisect.bisect_left(events, cutoff, key=lambda event: event[spec.time_key])
