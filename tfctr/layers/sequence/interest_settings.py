"""What TLSI is made of, and the ways in which paper and authors' code make it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfctr.errors import InputError, UnknownName
from tfctr.layers.sequence.time_scales import AUTHOR_UNITS, PAPER_UNITS

__all__ = ["PRESETS", "VARIANTS", "InterestSettings"]

# Which interests reach the head. `wo-TP` and `longer` are those of `full`.
VARIANTS: dict[str, tuple[str, ...]] = {
    "full": ("content", "time", "short", "fused"),
    "L": ("content", "time"),
    "L-c": ("content",),
    "L-t": ("time",),
    "S": ("short",),
    "F": ("fused",),
    "wo-TP": ("content", "time", "short", "fused"),
    "longer": ("content", "time", "short", "fused"),
}
LONGER_SHORT = 100  # events of the short-term part where the long-term part has more


@dataclass(frozen=True)
class InterestSettings:
    """Settings of `LongShortInterest`; see `PRESETS` for those of paper and code.

    Args:
        variant: `full`; `L`, `L-c`, `L-t` (long-term: both attentions, content,
            time), `S` (short-term) or `F` (fused) alone; `wo-TP` (no calendar and
            clock: ones in their place); `longer` (the short-term part reads the last
            100 events only).
        score: `bilinear` or `mlp`, see `SoftmaxAttention`.
        time_encoding: `scalar` or `cyclic`, see `CalendarEncoding`.
        distance: `circular` or `plain`, see `IntervalEncoding`.
        units: Units of calendar and clock.
        scale: `log` or `linear`, of differences of times.
        floor_seconds: Differences up to this one are alike, if `log`.
        start_seconds: Moments count from this Unix time, `t_s` in the paper; from the
            request by default.
        attention_units: Widths of the scoring MLPs.
        activation: Activation of the scoring MLPs.
        gate_units: Widths of layers before the gate.
        forget_bias: Constant added to the forget gate.
        join: How both attentions reach the head: `sum`, or `concat`.
    """

    variant: str = "full"
    score: str = "mlp"
    time_encoding: str = "cyclic"
    distance: str = "circular"
    units: tuple[str, ...] = PAPER_UNITS
    scale: str = "log"
    floor_seconds: float = 60.0
    start_seconds: int | None = None
    attention_units: tuple[int, ...] = (32, 16)
    activation: str = "relu"
    gate_units: tuple[int, ...] = ()
    forget_bias: float = 1.0
    join: str = "sum"

    def __post_init__(self) -> None:
        for name in ("units", "attention_units", "gate_units"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.variant not in VARIANTS:
            raise UnknownName("variant", self.variant, VARIANTS)
        if self.join not in ("sum", "concat"):
            raise UnknownName("join", self.join, ("sum", "concat"))
        start = self.start_seconds
        if start is not None and not 0 <= start < 2**40:
            raise InputError(
                "start_seconds", received=start, expected="seconds since 1970, or none"
            )

    @classmethod
    def of(
        cls, preset: str, changes: Mapping[str, Any] | None = None
    ) -> "InterestSettings":
        """Settings of a preset with some of them changed.

        Args:
            preset: Name of one of `PRESETS`.
            changes: Values by field.

        >>> InterestSettings.of("paper", {"variant": "L-t"}).score
        'bilinear'
        """
        if preset not in PRESETS:
            raise UnknownName("preset", preset, PRESETS)
        fields = [field.name for field in dataclasses.fields(cls)]
        for name in changes or {}:
            if name not in fields:
                raise UnknownName("settings", name, fields)
        return cls(**{**PRESETS[preset], **(changes or {})})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values by field; `InterestSettings(**...)` gives them back."""
        values = dataclasses.asdict(self)
        return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}

    @property
    def interests(self) -> tuple[str, ...]:
        """Names of what reaches the head."""
        return VARIANTS[self.variant]

    @property
    def long_parts(self) -> tuple[str, ...]:
        """Which attentions the long-term part has."""
        wanted = {
            "fused": ("content", "time"),
            "content": ("content",),
            "time": ("time",),
        }
        needed = {part for name in self.interests for part in wanted.get(name, ())}
        return tuple(part for part in ("content", "time") if part in needed)

    @property
    def has_short(self) -> bool:
        """Whether there is a short-term part."""
        return bool({"short", "fused"} & set(self.interests))

    @property
    def has_gate(self) -> bool:
        """Whether both parts are mixed."""
        return "fused" in self.interests

    @property
    def time_points(self) -> bool:
        """Whether calendar and clock are seen."""
        return self.variant != "wo-TP"

    @property
    def short_length(self) -> int | None:
        """How many events the short-term part reads; all by default."""
        return LONGER_SHORT if self.variant == "longer" else None


# `paper`: the equations as they stand, scaled (nothing is said of scales there, and raw
# seconds would make any softmax a maximum). `author`: the code of the authors.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {
        "score": "bilinear",
        "time_encoding": "scalar",
        "distance": "plain",
        "scale": "linear",
        "forget_bias": 0.0,
    },
    "author": {
        "time_encoding": "scalar",
        "units": AUTHOR_UNITS,
        "floor_seconds": 43_200.0,
        "attention_units": (80, 40),
        "activation": "sigmoid",
        "gate_units": (80, 40),
        "join": "concat",
    },
}
