"""The settings of a tower of adaptive layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from tfctr.errors import InputError, UnknownName
from tfctr.layers.interaction.adaptive.generator_config import GeneratorConfig

__all__ = ["APG"]

SELF = "self"
VERSIONS = ("v1", "v2", "v3", "v4", "v5")
AGGREGATIONS = ("concat", "mean", "attention", "output_mean", "output_attention")
# As in public code that leaves the width open (docs/methods/apg.md).
INNER_WIDTHS_PER_RANK = 4


@dataclass(frozen=True)
class APG:
    """Adaptive parameter generation: which weights of a tower depend on what.

    Attributes:
        condition: Names of the features whose embeddings are the condition: one is
            group-wise, several are mix-wise. `"self"`: the inputs of each layer.
        version: `"v1"` generates whole matrices; `"v2"` and `"v3"` three factors of
            low rank, multiplied first or applied one by one; `"v4"` only the core
            between two shared factors; `"v5"` trains each of these as a product. If
            not given: v1 without rank, v5 with `over_parameterization`, else v4.
        rank: Rank of the matrices, one for all layers or one each; v1 has none.
        over_parameterization: Width inside the shared factors of v5, one for all
            layers or one each; four times the rank if not given.
        generator_units: Widths of the generators' hidden layers; none by default.
        output_activation: Activation of what is generated.
        start: What the generators' bias starts at, see `GeneratorConfig`.
        aggregation: How several conditions are merged: before the generator by
            `"concat"`, `"mean"` or `"attention"`; or what each generates, by
            `"output_mean"` or `"output_attention"`, with one generator for all.
        stop_condition_gradient: Whether the condition is not trained through this.

    >>> APG(["user_id", "item_id"]).version
    'v4'
    >>> APG("self", rank=[8, 4], over_parameterization=16).version
    'v5'
    """

    condition: str | Sequence[str] = SELF
    version: str | None = None
    rank: int | Sequence[int] | None = 8
    over_parameterization: int | Sequence[int] | None = None
    generator_units: Sequence[int] = ()
    output_activation: str = "linear"
    start: str = "conditional"
    aggregation: str = "concat"
    stop_condition_gradient: bool = False

    def __post_init__(self) -> None:
        for name, value in self._resolved().items():
            object.__setattr__(self, name, value)
        self._check_condition()
        self._check_version()
        if self.aggregation not in AGGREGATIONS:
            raise UnknownName("aggregation", self.aggregation, AGGREGATIONS)
        _ = self.generator  # refuses what it does not know

    @classmethod
    def of(cls, value: "APG | Mapping[str, Any] | None") -> "APG | None":
        """The settings themselves, those of a dict, or `None`.

        Args:
            value: Settings, their fields by name (as in TOML), or nothing.
        """
        if value is None or isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise InputError(
                "apg",
                received=f"{value!r}, a {type(value).__name__}",
                expected="APG or its fields by name",
            )
        known = [field.name for field in fields(cls)]
        for name in value:
            if name not in known:
                raise UnknownName("apg key", name, known)
        return cls(**value)

    @property
    def is_self_wise(self) -> bool:
        """Whether the condition of a layer is its own inputs."""
        return self.condition == SELF

    @property
    def generator(self) -> GeneratorConfig:
        """How weights are generated."""
        return GeneratorConfig(
            units=self.generator_units,
            output_activation=self.output_activation,
            start=self.start,
        )

    def merged(self) -> "APG":
        """The settings of what is served: v4 in place of v5."""
        if self.version != "v5":
            return self
        return replace(self, version="v4", over_parameterization=None)

    def ranks(self, num_layers: int) -> list[int]:
        """The rank of each layer.

        Args:
            num_layers: Number of layers of the tower.
        """
        return self._each("rank", num_layers)

    def inner_widths(self, num_layers: int) -> list[int]:
        """The width inside the factors of each layer of v5.

        Args:
            num_layers: Number of layers of the tower.
        """
        if self.over_parameterization is None:
            return [INNER_WIDTHS_PER_RANK * rank for rank in self.ranks(num_layers)]
        return self._each("over_parameterization", num_layers)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def _each(self, name: str, num_layers: int) -> list[int]:
        value = getattr(self, name)
        each = list(value) if isinstance(value, tuple) else [value] * num_layers
        if len(each) != num_layers:
            raise InputError(
                name, received=value, expected=f"one number, or {num_layers} of them"
            )
        return each

    def _resolved(self) -> dict[str, Any]:
        """Lists as tuples, and the version that the other fields ask for."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values = {k: tuple(v) if _is_list(v) else v for k, v in values.items()}
        if values["version"] is None:
            wide = values["over_parameterization"] is not None
            low = "v5" if wide else "v4"
            values["version"] = "v1" if values["rank"] is None else low
        if values["version"] == "v1":
            values["rank"] = None
        return values

    def _check_condition(self) -> None:
        names = self.condition
        if isinstance(names, str) and names != SELF:
            raise InputError(
                "condition",
                received=repr(names),
                expected=f"a list of features, such as [{names!r}], or {SELF!r}",
            )
        if not names or (names != SELF and len(set(names)) < len(names)):
            raise InputError(
                "condition", received=names, expected="one feature or more, each once"
            )

    def _check_version(self) -> None:
        if self.version not in VERSIONS:
            raise UnknownName("version", str(self.version), VERSIONS)
        if self.version != "v1" and self.rank is None:
            raise InputError(
                "rank", received=None, expected=f"a positive number for {self.version}"
            )
        if self.over_parameterization is not None and self.version != "v5":
            raise InputError(
                "over_parameterization",
                received=f"{self.over_parameterization} for {self.version}",
                expected="nothing; only v5 has it",
            )


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
