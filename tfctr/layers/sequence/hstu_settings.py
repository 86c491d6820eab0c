"""Settings of HSTU blocks, and the presets of them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfctr.errors import InputError, UnknownName

__all__ = ["HSTUSettings"]

CHOICES = {
    "attention": ("silu", "softmax"),
    "diagonal": ("fake", "none"),
    "activated": ("all", "gate"),
    "output": ("gated", "concat"),
}


@dataclass(frozen=True)
class HSTUSettings:
    """What an HSTU block computes.

    Defaults are those of the preset `research`.

    Args:
        num_heads: Number of heads.
        query_dim: Width of queries and keys of a head; the block's width over
            `num_heads` by default.
        value_dim: Width of values and gates of a head; the same by default.
        attention: `silu` (pointwise, over `divisor`) or `softmax`.
        divisor: What SiLU scores are divided by: one number in training and serving,
            whatever the length. The model's longest history by default.
        scale_scores: Whether products are divided by the root of `query_dim`.
        diagonal: What a token of the fake flow sees in its own place: itself
            (`fake`) or nothing (`none`).
        activated: What SiLU is applied to after the projection: `all`, or the `gate`.
        projection_bias: Whether the projection has a bias.
        affine: Whether layer normalization has scale and offset.
        position_bias: Whether scores have a bias by distance in positions.
        time_bias: Whether scores have a bias by distance in time.
        max_distance: Positions from which on the bias stays that of this distance.
        num_time_buckets: Last bucket of time: see `RelativeBias`.
        output: `gated` (normalized result times gate) or `concat` (gate, result and
            their normalized product side by side).
        dropout: Share of what enters the last projection that is dropped.

    Source: meta-recsys/generative-recommenders; see docs/methods/hstu.md.
    """

    num_heads: int = 2
    query_dim: int | None = None
    value_dim: int | None = None
    attention: str = "silu"
    divisor: float | None = None
    scale_scores: bool = False
    diagonal: str = "fake"
    activated: str = "all"
    projection_bias: bool = False
    affine: bool = False
    position_bias: bool = True
    time_bias: bool = True
    max_distance: int = 256
    num_time_buckets: int = 128
    output: str = "gated"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UnknownName(name, str(getattr(self, name)), choices)
        for name in ("num_heads", "max_distance", "num_time_buckets"):
            _check_positive(name, getattr(self, name))
        for name in ("query_dim", "value_dim", "divisor"):
            if getattr(self, name) is not None:
                _check_positive(name, getattr(self, name))
        if not 0 <= self.dropout < 1:
            raise InputError(
                "dropout", received=self.dropout, expected="a share in [0, 1)"
            )

    @classmethod
    def of(
        cls, preset: str, changes: Mapping[str, Any] | None = None
    ) -> "HSTUSettings":
        """The settings of a preset, with some changed.

        Args:
            preset: `research` (pairwise biases, SiLU on everything), `ranking` (no
                bias, scaled scores, gate and result side by side) or `softmax` (as
                `research` with a softmax of scaled scores).
            changes: Fields that differ.
        """
        if preset not in PRESETS:
            raise UnknownName("preset", preset, PRESETS)
        known = [field.name for field in dataclasses.fields(cls)]
        for name in changes or {}:
            if name not in known:
                raise UnknownName("settings", name, known)
        return cls(**{**PRESETS[preset], **(changes or {})})

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return dataclasses.asdict(self)


PRESETS: dict[str, dict[str, Any]] = {
    "research": {},
    "ranking": {
        "scale_scores": True,
        "activated": "gate",
        "projection_bias": True,
        "affine": True,
        "position_bias": False,
        "time_bias": False,
        "output": "concat",
    },
    "softmax": {"attention": "softmax", "scale_scores": True},
}


def _check_positive(name: str, value: float) -> None:
    if value <= 0:
        raise InputError(name, received=value, expected="a positive number")
