"""What Diff-MSIN is compared with: plainer ways to fuse the same modalities."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfctr.errors import UnknownName
from tfctr.features import FeatureSchema
from tfctr.layers import MLP
from tfctr.layers.softmax import softmax
from tfctr.models.modal_ranker import ModalRanker
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Tensor

__all__ = ["ModalBaseline"]

FUSIONS = ("concatenation", "late", "gated", "experts")
Found = Mapping[str, Tensor]


@serializable
class ModalBaseline(ModalRanker):
    """Interests by modality, fused in one of four plain ways.

    With `s_m = [h_m, t_m, h_m * t_m]`, the interest in modality `m`, the candidate in
    it and their product, and `f` the embeddings of user and item, `fusion` is one of

    - `"concatenation"`: `mlp([f, s_1, ..., s_M])`. With `joint_attention`, it is DIN
      with vectors.
    - `"late"`: `mean_m mlp_m(s_m)`, the first of which, the id's, takes `f` too.
    - `"gated"`: `mlp([f, sum_m z_m * tanh(W_m s_m)])`, a gate for each number,
      `z_m = sigmoid(V_m [s_1, ..., s_M])`.
    - `"experts"`: for each label `mlp([f, sum_m g_m expert_m(s_m)])`, an expert for
      each modality, and the label's `g = softmax(G [f, s_1, ..., s_M])`.

    Args:
        schema: The schema, with sizes; a history has the item's id.
        fusion: How modalities become one.
        **kwargs: As for `ModalRanker`. `hidden_units` are those of each MLP; experts
            have `2 dim` and `dim`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: gates as in Arevalo et al., Gated multimodal units, 2017; experts after Ma
    et al., MMoE, KDD 2018, where all see the same; DIN: Zhou et al., KDD 2018.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        fusion: str = "concatenation",
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, **kwargs)
        if fusion not in FUSIONS:
            raise UnknownName("fusion", fusion, FUSIONS)
        self.fusion = fusion
        names, labels = self.modality_names, self.label_names
        # What has an MLP and logits of its own.
        owners = {"late": names, "experts": labels}.get(fusion, ["all"])
        count = 1 if fusion == "experts" else len(labels)
        self.towers = [self._mlp(f"{name}_mlp") for name in owners]
        self.output_layers = [self._dense(f"{n}_output", count) for n in owners]
        if fusion == "gated":
            self.parts = [self._dense(f"{n}_part", self.dim, "tanh") for n in names]
            self.gates = [self._dense(f"{n}_gate", self.dim, "sigmoid") for n in names]
        if fusion == "experts":
            units = [2 * self.dim, self.dim]
            self.experts = [self._mlp(f"{name}_expert", units) for name in names]
            self.gates = [self._dense(f"{label}_gate", len(names)) for label in labels]

    def fuse(
        self, found: Found, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        interests, candidates = found["interests"], found["candidates"]
        parts = [interests, candidates, interests * candidates]
        sides = [*ops.unstack(ops.concatenate(parts, axis=-1), axis=1)]
        inputs = getattr(self, f"_{self.fusion}")(found["fields"], sides, training)
        logits = [
            last(tower(x, training=training))
            for x, tower, last in zip(
                inputs, self.towers, self.output_layers, strict=True
            )
        ]
        if self.fusion == "experts":
            return ops.concatenate(logits, axis=-1), {}
        return ops.mean(ops.stack(logits), axis=0), {}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fusion": self.fusion}

    # Inputs of the MLPs ------------------------------------------------------------

    def _concatenation(self, fields: Tensor, sides: list[Tensor], _: bool) -> Any:
        return [ops.concatenate([fields, *sides], axis=-1)]

    def _late(self, fields: Tensor, sides: list[Tensor], _: bool) -> Any:
        return [ops.concatenate([fields, sides[0]], axis=-1), *sides[1:]]

    def _gated(self, fields: Tensor, sides: list[Tensor], _: bool) -> Any:
        flat = ops.concatenate(sides, axis=-1)
        units = zip(sides, self.parts, self.gates, strict=True)
        fused = sum(gate(flat) * part(side) for side, part, gate in units)
        return [ops.concatenate([fields, ops.cast(fused, fields.dtype)], axis=-1)]

    def _experts(self, fields: Tensor, sides: list[Tensor], training: bool) -> Any:
        pairs = zip(self.experts, sides, strict=True)
        known = ops.stack([expert(x, training=training) for expert, x in pairs], axis=1)
        flat, inputs = ops.concatenate([fields, *sides], axis=-1), []
        for gate in self.gates:
            weights = ops.cast(softmax(gate(flat)), known.dtype)
            mixed = ops.sum(ops.expand_dims(weights, -1) * known, axis=1)
            inputs.append(ops.concatenate([fields, mixed], axis=-1))
        return inputs

    def _mlp(self, name: str, units: list[int] | None = None) -> MLP:
        return MLP(
            units or self.hidden_units,
            dropout=self.dropout,
            seed=derived_seed(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )

    def _dense(
        self, name: str, units: int, activation: str | None = None
    ) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=glorot(self.seed, name),
            dtype="float32",
            name=name,
        )
