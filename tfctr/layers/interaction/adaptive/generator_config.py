"""How weights are generated from a condition, as checked configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from tfctr.errors import InputError, UnknownName

__all__ = ["GeneratorConfig"]

STARTS = ("conditional", "static")


@dataclass(frozen=True)
class GeneratorConfig:
    """The map from a condition to weights: hidden layers, then a linear one.

    Attributes:
        units: Widths of the hidden layers, first to last; none by default.
        activation: Activation of the hidden layers.
        output_activation: Activation of what is generated; linear by default.
        start: What the bias of the last layer starts at. `"conditional"`: zeros, so
            that all weights come from the condition. `"static"`: the initial weights
            of a static layer (for a core the identity), so that a condition near zero
            starts as one.

    >>> GeneratorConfig(units=[8]).to_dict()["units"]
    [8]
    """

    units: Sequence[int] = ()
    activation: str = "relu"
    output_activation: str = "linear"
    start: str = "conditional"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(self.units))
        if any(units < 1 for units in self.units):
            raise InputError(
                "generator_units", received=list(self.units), expected="positive widths"
            )
        if self.start not in STARTS:
            raise UnknownName("start", self.start, STARTS)

    @classmethod
    def of(
        cls, value: "GeneratorConfig | Mapping[str, Any] | None"
    ) -> "GeneratorConfig":
        """The configuration itself, one from its dict, or the default for `None`."""
        if isinstance(value, cls):
            return value
        if value is None:
            return cls()
        if not isinstance(value, Mapping):
            raise InputError(
                "generator",
                received=f"{value!r}, a {type(value).__name__}",
                expected="GeneratorConfig or its fields by name",
            )
        known = [field.name for field in fields(cls)]
        for name in value:
            if name not in known:
                raise UnknownName("generator key", name, known)
        return cls(**value)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {**asdict(self), "units": list(self.units)}
