"""A light ranker for the pre-ranking stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.layers import MLP
from tfctr.models.baselines.two_sides import SIDES, TwoSides, flat
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["COLD"]


@serializable
class COLD(TwoSides):
    """An MLP on few fields of user and item, each scaled by a gate.

    Field `i` becomes `s_i * v_i` with `s = sigmoid(W [v_1 .. v_m] + b)`. What its gates
    say of a trained model (`field_weights`) tells which fields to keep (`fields`). The
    first layer of the MLP is the sum of a part of the user, computed once a request,
    and one of the item, computed offline; a candidate costs the layers after it.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        hidden_units: Widths of the hidden layers; the first is what is stored.
        fields: Names of the fields to use, at least one of each side; all by default.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Wang et al., COLD, DLP-KDD 2020, section 3; gates of each side see that
    side alone, so that items can be encoded offline.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 8,
        hidden_units: Sequence[int] = (32, 16),
        fields: Sequence[str] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, dim=dim, seed=seed, **kwargs)
        self.hidden_units = list(hidden_units)
        if not self.hidden_units:
            raise InputError(
                "hidden_units", received="none", expected="at least one layer"
            )
        self.fields = None if fields is None else list(fields)
        self._check_fields()
        self.gates = {side: self._gate(side) for side in SIDES}
        self.first = {side: self._first(side) for side in SIDES}
        self.mlp = MLP(
            [*self.hidden_units[1:], self.heads.total],
            final_activation="linear",
            seed=seed,
            dtype=self.dtype_policy,
            name="mlp",
        )

    def side_fields(self, side: str) -> list[str]:
        names = super().side_fields(side)
        return [n for n in names if self.fields is None or n in self.fields]

    def encode_side(self, side: str, fields: Tensor, training: bool) -> Tensor:
        gates = ops.expand_dims(self.gates[side](flat(fields)), -1)
        return ops.cast(self.first[side](flat(fields * gates)), "float32")

    def compare(self, user: Tensor, item: Tensor) -> Tensor:
        return self.mlp(ops.relu(user + item))

    def field_weights(self, inputs: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean gate of each field on some examples, the largest first.

        Args:
            inputs: Encoded tensors `(batch, ...)` by name.
        """
        weights: dict[str, float] = {}
        for side in SIDES:
            names = self.side_fields(side)
            fields = self.embeddings({name: inputs[name] for name in names})
            means = ops.mean(self.gates[side](flat(fields)), axis=0)
            weights |= {n: float(m) for n, m in zip(names, means, strict=True)}
        return dict(sorted(weights.items(), key=lambda pair: -pair[1]))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "fields": self.fields,
        }

    def _gate(self, side: str) -> keras.layers.Dense:
        name = f"{side}_gate"
        return keras.layers.Dense(
            len(self.side_fields(side)),
            activation="sigmoid",
            kernel_initializer=glorot(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )

    def _first(self, side: str) -> keras.layers.Dense:
        name = f"{side}_first"
        return keras.layers.Dense(
            self.hidden_units[0],
            # One bias for the sum.
            use_bias=side == "user",
            kernel_initializer=glorot(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )

    def _check_fields(self) -> None:
        known = self.embeddings.fields()
        for name in self.fields or ():
            if name not in known:
                raise UnknownName("fields", name, known)
        for side in SIDES:
            if not self.side_fields(side):
                raise InputError(
                    "fields", received=self.fields, expected=f"a field of the {side}"
                )
