"""DIN: the history as the candidate sees it."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr import kernels
from tfctr.features import FeatureSchema
from tfctr.layers import APG, EmbeddingCollection, TargetAttention
from tfctr.layers.sequence.events import RealEvents
from tfctr.models.base import RankingModel
from tfctr.models.compared_history import compared_histories, make_projections
from tfctr.models.towers import conditions_of, make_output, make_tower
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["DIN"]


@serializable
class DIN(RankingModel):
    """Deep Interest Network: events weigh by how much they matter to the candidate.

    An event is compared with the candidate on the features that both have (by name);
    its other features, such as the action, are projected and added. The history is
    embedded once a request, whatever the number of candidates.

    Args:
        schema: The schema, with sizes and at least one sequence that shares a
            feature with the item.
        dim: Width of the embeddings.
        attention_units: Widths of the attention's scoring MLP.
        normalization: `"none"` as in the paper, or `"softmax"`.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        apg: Settings that make the MLP adaptive, `APG` or its dict: see
            `tfctr.layers.APG`; conditions are features of user, context or item.
            Static by default.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Zhou et al., Deep Interest Network, KDD 2018. Deviations: ReLU for Dice,
    and the product instead of the outer product in the attention, as in the authors'
    code.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        attention_units: Sequence[int] = (32, 16),
        normalization: str = "none",
        hidden_units: Sequence[int] = (128, 64),
        dropout: float = 0.0,
        apg: APG | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.attention_units = list(attention_units)
        self.normalization = normalization
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self.apg = APG.of(apg)
        policy = self.dtype_policy
        self._histories = compared_histories(self.schema)
        self.embeddings = EmbeddingCollection(
            self.schema, dim, seed=seed, dtype=policy, name="embeddings"
        )
        self.attentions = {name: self._attention(name) for name in self._histories}
        self.projections = make_projections(self, self._histories, dim)
        self.mlp = make_tower(self, self._condition_fields())
        self.output_layer = make_output(self)

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        if kernels.is_xla():  # whose shapes are static
            return self._as_request(inputs, training)
        roles = ("user", "context", "item")
        plain = {name: inputs[name] for name in self.embeddings.fields(roles)}
        layouts = {}
        for sequence in self.schema.sequences:
            layout = RealEvents(self.embeddings.mask(sequence.name, inputs))
            layouts[sequence.name] = layout
            columns = self._histories[sequence.name].columns
            plain |= layout.select_all({name: inputs[name] for name in columns})
        fields, event_fields = self.embeddings.stacked(plain)
        parts = [ops.reshape(fields, (-1, fields.shape[-2] * self.dim))]
        names = self.embeddings.stacked_fields(["item"])
        first = fields.shape[-2] - len(names)
        for name, own in self._histories.items():
            candidates = own.candidates(names, fields[:, first:])
            events = own.events(event_fields, self.projections.get(name))
            interest = self.attentions[name].pool(candidates, events, layouts[name])
            parts += [interest, interest * candidates]
        conditions = conditions_of(self.apg, self._condition_fields(), fields)
        hidden = self.mlp(kernels.concat(parts), **conditions, training=training)
        return self._by_label(self.output_layer(hidden))

    def encode_user(
        self, user_inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        names = [
            c.name for c in self.schema.encoded_columns(["user", "context", "sequence"])
        ]
        known = {name: user_inputs[name] for name in names}
        fields, event_fields = self.embeddings.stacked(known)
        state = {"user": ops.reshape(fields, (-1, fields.shape[-2] * self.dim))}
        for name, own in self._histories.items():
            events = own.events(event_fields, self.projections.get(name))
            state[f"{name}_events"] = events
            state[f"{name}_mask"] = self.embeddings.mask(name, user_inputs)
        return state

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        fields, _ = self.embeddings.stacked(items)  # (batch, candidates, fields, dim)
        batch, count, num_fields, _ = ops.shape(fields)
        user = ops.repeat(ops.expand_dims(state["user"], 1), count, axis=1)
        parts = [user, ops.reshape(fields, (batch, count, num_fields * self.dim))]
        names = self.embeddings.stacked_fields(["item"])
        for name, own in self._histories.items():
            candidates = own.candidates(names, fields)
            interest = self.attentions[name](
                candidates,
                state[f"{name}_events"],
                events_mask=state[f"{name}_mask"],
            )
            parts += [interest, interest * candidates]
        conditions = self._conditions(parts[:2])
        flat = ops.concatenate(parts, axis=-1)
        hidden = self.mlp(flat, **conditions, training=training)
        return self._by_label(self.output_layer(hidden))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "attention_units": self.attention_units,
            "normalization": self.normalization,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "apg": self.apg and self.apg.to_dict(),
        }

    def _attention(self, name: str) -> TargetAttention:
        return TargetAttention(
            hidden_units=self.attention_units,
            normalization=self.normalization,
            seed=self.seed,
            dtype=self.dtype_policy,
            name=f"{name}_attention",
        )

    def _condition_fields(self) -> list[str]:
        return self.embeddings.stacked_fields(("user", "context", "item"))

    def _conditions(self, sides: Sequence[Tensor]) -> dict[str, Tensor]:
        """Conditions of pairs, of the flat embeddings of user and candidate."""
        if self.apg is None or self.apg.is_self_wise:
            return {}
        names, flat = self._condition_fields(), ops.concatenate(sides, axis=-1)
        fields = ops.reshape(flat, (*ops.shape(flat)[:-1], len(names), self.dim))
        return conditions_of(self.apg, names, fields)

    def _as_request(
        self, inputs: Mapping[str, Tensor], training: bool
    ) -> dict[str, Tensor]:
        items = {
            column.name: ops.expand_dims(inputs[column.name], 1)
            for column in self.schema.encoded_columns(["item"])
        }
        state = self.encode_user(inputs, training=training)
        scores = self.score(state, items, training=training)
        return {name: logits[:, 0] for name, logits in scores.items()}
