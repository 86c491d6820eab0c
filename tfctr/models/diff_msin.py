"""Diff-MSIN: interests in several modalities, and what they have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.layers import MLP, ModalExperts, ModalFusion, ModalSynergy
from tfctr.losses import knowledge_decoupling_loss, synergy_loss
from tfctr.models.modal_ranker import ModalRanker
from tfctr.models.towers import make_output
from tfctr.models.training_losses import PREFIX, mean_over_observed, weight_of
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Tensor

__all__ = ["RELEASED", "DiffMSIN"]

# Variants of the released code that may be asked for.
RELEASED = ("alpha_bar", "inference_noise", "residual_experts", "synergy_loss")


@serializable
class DiffMSIN(ModalRanker):
    """Interests by modality, decoupled, brought into synergy, fused for the candidate.

    Experts make of each modality's interest what is special and what is common to all;
    synergy is found by steps of noise and repair; the candidate weighs all of them.

    Args:
        schema: The schema, with sizes; a history has the item's id.
        num_steps: Steps of the synergy; its time is in proportion to them.
        num_heads: Heads of the synergy; must divide `dim`.
        num_cross_layers: Cross layers of the fusion.
        synergy: Whether there is one; without is an ablation.
        fusion: Whether the candidate weighs what is fused; else it is concatenated.
        decoupling_weight: Weight of the loss that draws special parts of modalities
            apart and common ones together.
        synergy_weight: Weight of the loss that draws synergies of history and
            candidate together where the first label is 1, and else apart.
        noise_weight: Weight of the mean square of noise less estimate: an extension.
        noise: Whether training draws noise.
        released_code_compat: Variants of the released code, for comparisons:
            `"alpha_bar"` (repair by that of the step's start), `"inference_noise"`
            (two calls differ), `"residual_experts"` and `"synergy_loss"`
            (`y max(0, cos)` of the synergy and the candidate's id).
        **kwargs: `modalities`, `tables`, `train_tables`, `history`, `dim`,
            `attention_units`, `joint_attention`, `hidden_units`, `dropout`, `seed`,
            `name` and `dtype`, as for `ModalRanker`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Diff-MSIN, SIGIR 2025: the framework figure. See docs/methods/diff_msin.md
    for what the released code does otherwise.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        num_steps: int = 3,
        num_heads: int = 4,
        num_cross_layers: int = 2,
        synergy: bool = True,
        fusion: bool = True,
        decoupling_weight: float = 0.1,
        synergy_weight: float = 0.05,
        noise_weight: float = 0.0,
        noise: bool = True,
        released_code_compat: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, **kwargs)
        self.num_steps, self.num_heads = num_steps, num_heads
        self.num_cross_layers, self.noise = num_cross_layers, noise
        self.with_synergy, self.with_fusion = synergy, fusion
        self.released_code_compat = _variants(released_code_compat)
        self.loss_weights = {
            "decoupling": decoupling_weight,
            "synergy": synergy_weight,
            "noise": noise_weight,
        }
        for name, weight in self.loss_weights.items():
            if not 0 <= weight < float("inf"):
                raise InputError(
                    f"{name}_weight", received=weight, expected="a number >= 0"
                )
        if synergy and self.dim % num_heads:
            raise InputError(
                "num_heads", received=num_heads, expected=f"a divisor of {self.dim}"
            )
        self._make_parts()
        names = [name for name in self.loss_weights if synergy or name == "decoupling"]
        self.make_trackers(["label_loss", *(f"{name}_loss" for name in names)])

    def fuse(
        self, found: Mapping[str, Tensor], training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        candidates = found["candidates"]
        width = candidates.shape[1] * self.dim
        target = ops.reshape(candidates, (-1, width))
        parts = self.experts(found["interests"])
        shared = ops.mean(parts["common"], axis=1)
        entries = [*ops.unstack(parts["special"], axis=1), shared]
        noise = None
        if self.synergy is not None:
            synergy, noise = self.synergy(
                parts["special"], training=training, with_error=True
            )
            entries.append(synergy)
        stacked = ops.stack(entries, axis=1)
        fused = (
            ops.reshape(stacked, (-1, len(entries) * self.dim))
            if self.fusion is None
            else self.fusion(stacked, target)
        )
        flat = ops.concatenate([found["fields"], target, fused], axis=-1)
        logits = self.output_layer(self.mlp(flat, training=training))
        if not training:
            return logits, {}
        return logits, self._training_parts(candidates, parts, entries[-1], noise)

    def training_losses(
        self, y: Mapping[str, Tensor], parts: Mapping[str, Tensor], sample_weight: Any
    ) -> dict[str, tuple[float, Tensor]]:
        label = self.label_names[0]
        own = weight_of(sample_weight, label)
        values = {"decoupling": parts["decoupling"]}
        if "synergy" in parts:
            history, candidate = parts["synergy"], parts["candidate_synergy"]
            labels = ops.reshape(y[label], ops.shape(history)[:-1])
            released = "synergy_loss" in self.released_code_compat
            values["synergy"] = synergy_loss(
                labels, history, candidate, released=released
            )
            values["noise"] = parts["noise"]
        return {
            f"{name}_loss": (
                self.loss_weights[name],
                mean_over_observed(value, own, [label]),
            )
            for name, value in values.items()
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_steps": self.num_steps,
            "num_heads": self.num_heads,
            "num_cross_layers": self.num_cross_layers,
            "synergy": self.with_synergy,
            "fusion": self.with_fusion,
            **{f"{name}_weight": w for name, w in self.loss_weights.items()},
            "noise": self.noise,
            "released_code_compat": list(self.released_code_compat),
        }

    def _make_parts(self) -> None:
        def seed(name: str) -> int:
            return derived_seed(self.seed, name)

        policy = self.dtype_policy
        released = self.released_code_compat
        self.experts = ModalExperts(
            residual="residual_experts" in released,
            seed=seed("experts"),
            dtype=policy,
            name="experts",
        )
        self.synergy: ModalSynergy | None = None
        if self.with_synergy:
            self.synergy = ModalSynergy(
                num_steps=self.num_steps,
                num_heads=self.num_heads,
                noise=self.noise,
                inference_noise="inference_noise" in released,
                released_schedule="alpha_bar" in released,
                seed=seed("synergy"),
                dtype=policy,
                name="synergy",
            )
        self.fusion: ModalFusion | None = None
        if self.with_fusion:
            self.fusion = ModalFusion(
                num_cross_layers=self.num_cross_layers,
                seed=seed("fusion"),
                dtype=policy,
                name="fusion",
            )
        self._make_output()

    def _make_output(self) -> None:
        self.mlp = MLP(
            self.hidden_units,
            dropout=self.dropout,
            seed=self.seed,
            dtype=self.dtype_policy,
            name="mlp",
        )
        self.output_layer = make_output(self)

    def _training_parts(
        self,
        candidates: Tensor,
        parts: Mapping[str, Tensor],
        synergy: Tensor,
        noise: Tensor | None,
    ) -> dict[str, Tensor]:
        """What the losses are made of, of history and candidate."""
        own = self.experts(candidates)
        apart = [
            knowledge_decoupling_loss(side["special"], side["common"])
            for side in (parts, own)
        ]
        made = {"decoupling": (apart[0] + apart[1]) / 2}
        if self.synergy is not None:
            made["synergy"], made["noise"] = synergy, noise
            made["candidate_synergy"] = (
                candidates[:, 0]  # the id is first
                if "synergy_loss" in self.released_code_compat
                else self.synergy(own["special"], training=True)
            )
        return {f"{PREFIX}{name}": value for name, value in made.items()}


def _variants(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InputError(
            "released_code_compat", received=repr(names), expected="a list of names"
        )
    for name in names:
        if name not in RELEASED:
            raise UnknownName("released_code_compat", name, RELEASED)
    return tuple(sorted(set(names)))
