"""Settings of TARQ."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfctr.errors import InputError, UnknownName

__all__ = ["TARQSettings", "plain"]

# What each ablation changes.
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "wo-alignment": {"alignment_weight": 0.0},
    "wo-distillation": {
        "alignment_weight": 0.0,
        "distillation_weight": 0.0,
        "teacher_weight": 0.0,
    },
    "wo-residual": {"num_levels": 1},
}
STARTS = ("kmeans", "normal")


@dataclass(frozen=True)
class TARQSettings:
    """Sizes of TARQ, and what of it is trained how. The paper's are not known.

    Args:
        num_levels: Levels of the residual quantizer, `L`.
        num_codes: Codes of each level, `K`; at most the number of items.
        code_dim: Width of latents and codewords.
        code_norm: Length of the latents.
        attention_dim: Width of events and attention, `d`.
        num_heads: Heads of all attentions; divides `attention_dim`.
        vector_dim: Width of the towers' vectors.
        teacher_units: Widths of the teacher's head.
        start: `kmeans` sets the codebooks by residual k-means when training begins;
            `normal` leaves them random.
        straight_through: See `tfctr.layers.ResidualQuantizer`.
        commitment: See `tfctr.layers.ResidualQuantizer`.
        revive_below: See `tfctr.layers.ResidualQuantizer`.
        temperature: See `tfctr.losses.codebook_alignment_loss`.
        alignment_weight: Weight of that loss; 0 leaves it out.
        distillation_weight: Weight of the squared error against the teacher's
            interest; 0 leaves it out.
        teacher_weight: Weight of the teacher's cross-entropy. Without alignment and
            distillation, 0 leaves the teacher out.
        two_tower_weight: Weight of the cross-entropy of the scaled cosine; 0 leaves
            it out.
        quantization_weight: Weight of the item autoencoder's loss.
    """

    num_levels: int = 3
    num_codes: int = 64
    code_dim: int = 32
    code_norm: float = 2.0
    attention_dim: int = 32
    num_heads: int = 4
    vector_dim: int = 32
    teacher_units: tuple[int, ...] = (64,)
    start: str = "kmeans"
    straight_through: bool = True
    commitment: float = 0.25
    revive_below: float = 0.0
    temperature: float = 1.0
    alignment_weight: float = 1.0
    distillation_weight: float = 1.0
    teacher_weight: float = 1.0
    two_tower_weight: float = 1.0
    quantization_weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "teacher_units", tuple(self.teacher_units))
        if self.start not in STARTS:
            raise UnknownName("start", self.start, STARTS)
        for name, least in (
            ("num_levels", 1),
            ("num_codes", 2),
            ("code_dim", 1),
            ("attention_dim", 1),
            ("num_heads", 1),
            ("vector_dim", 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise InputError(
                    name, received=value, expected=f"a whole number from {least}"
                )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_weight") and value < 0:
                raise InputError(field.name, received=value, expected=">= 0")
        if self.temperature <= 0:
            raise InputError("temperature", received=self.temperature, expected="> 0")
        if self.needs_teacher and not self.teacher_weight:
            raise InputError(
                "teacher_weight",
                received=self.teacher_weight,
                expected="> 0 with alignment or distillation: nothing else trains it",
            )

    @classmethod
    def of(
        cls, variant: str, changes: Mapping[str, Any] | None = None
    ) -> "TARQSettings":
        """Settings of a variant with some of them changed.

        Args:
            variant: `full`, or an ablation: `wo-alignment`, `wo-distillation` (no
                teacher at all), `wo-residual` (one level).
            changes: Values by field; what the variant says goes before.

        >>> TARQSettings.of("wo-residual", {"num_codes": 16}).num_levels
        1
        """
        if variant not in VARIANTS:
            raise UnknownName("variant", variant, VARIANTS)
        fields = [field.name for field in dataclasses.fields(cls)]
        for name in changes or {}:
            if name not in fields:
                raise UnknownName("settings", name, fields)
        return cls(**{**(changes or {}), **VARIANTS[variant]})

    @property
    def needs_teacher(self) -> bool:
        """Whether the student learns from a teacher."""
        return bool(self.alignment_weight or self.distillation_weight)

    @property
    def has_teacher(self) -> bool:
        """Whether there is a teacher."""
        return bool(self.teacher_weight)

    def quantizer(self) -> dict[str, Any]:
        """Arguments of `tfctr.layers.ResidualQuantizer`."""
        names = (
            "num_levels",
            "num_codes",
            "straight_through",
            "commitment",
            "revive_below",
        )
        return {name: getattr(self, name) for name in names}

    @property
    def code_dtype(self) -> str:
        """The smallest unsigned integers that hold a code."""
        for dtype, count in (("uint8", 2**8), ("uint16", 2**16)):
            if self.num_codes <= count:
                return dtype
        return "uint32"


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON gives them back: with lists.

    Args:
        settings: Values by field.
    """
    return {n: list(v) if isinstance(v, tuple) else v for n, v in settings.items()}
