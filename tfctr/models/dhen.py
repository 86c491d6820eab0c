"""DHEN: layers of interaction modules side by side, a head for each task."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.layers import HierarchicalEnsemble, PooledEmbeddings, TaskTowers
from tfctr.layers.embedding.pooled import joined
from tfctr.layers.interaction.ensemble.module_specs import (
    PRESETS,
    ModuleSpec,
    kept,
    module_config,
)
from tfctr.models.request_form import USER_ROLES, split_roles
from tfctr.models.sequence_tokens import SequenceEncoding, SequenceTokens
from tfctr.models.training_losses import PREFIX, TrainingLosses
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Tensor

__all__ = ["DHEN"]


@serializable
class DHEN(TrainingLosses):
    """Hierarchical ensembles on all embeddings, then a tower for each label.

    `X_{n+1} = LN(ensemble_i(module_i(X_n)) + shortcut(X_n))`, `X_0` the embeddings,
    `logit_t = w_t . mlp_t(X_N)`. Labels that are not observed give no loss and no
    gradient; towers start from seeds of their labels' names, so that another label
    leaves the others' logits as they were.

    A history counts as the mean of its events; or, with `sequences`, a causal
    transformer reads each history once a request, and its tokens stand among the
    embeddings. Then a loss beside those of the labels, which needs no label, may teach
    it to tell what users do next.

    Args:
        schema: The schema, with sizes. Each label is a task.
        dim: Width of the embeddings.
        layers: Modules of each layer, first to last, as for
            `tfctr.layers.HierarchicalEnsemble`; or `"pinterest_cvr"`, MLP and
            Transformer below MLP and MaskNet; or `"meta"`, dot products and linear in
            each of two layers.
        depth: Number of layers: `layers` from their beginning again and again. As many
            as there are by default.
        ensemble: How modules are put together: `"concat"`, `"sum"` or `"weighted"`.
        num_outputs: Embeddings that each module gives; by default so many that a layer
            gives about as many as it gets.
        sequences: How histories are read: fields of
            `tfctr.models.SequenceEncoding`, for example `{"next_action_weight": 1.0}`;
            by default as means.
        hidden_units: Widths of each task's tower; none for a logit of `X_N` itself.
        dropout: Share of units dropped in the towers in training.
        seed: Seed of the initial values.
        **kwargs: `two_logits`, `name` and `dtype`, as for `RankingModel`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Zhang et al., DHEN, 2022; Zhuang et al., WWW 2025 (conversion prediction at
    Pinterest). See docs/methods/dhen.md for what is known of both.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        layers: str | Sequence[Sequence[ModuleSpec]] = "pinterest_cvr",
        depth: int | None = None,
        ensemble: str = "concat",
        num_outputs: int | None = None,
        sequences: SequenceEncoding | Mapping[str, Any] | None = None,
        hidden_units: Sequence[int] = (64,),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim, self.depth = dim, depth
        self.layer_specs = _specs(layers)
        self.ensemble, self.num_outputs = ensemble, num_outputs
        self.hidden_units, self.dropout = list(hidden_units), dropout
        self.embeddings = PooledEmbeddings(
            self.schema, dim, seed=seed, dtype=self.dtype_policy, name="embeddings"
        )
        self.sequences = None if sequences is None else SequenceEncoding.of(sequences)
        self.histories = self._histories()
        self.ensembles = self._ensembles()
        self.towers = TaskTowers(
            self.label_names,
            outputs=self.heads.several,
            hidden_units=hidden_units,
            dropout=dropout,
            seed=seed,
            dtype=self.dtype_policy,
            name="towers",
        )
        learns = any(history.next_action for history in self.histories.values())
        self.make_trackers(["label_loss", "next_action_loss"] if learns else [])

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        if self.sequences is None:
            logits: dict[str, Tensor] = super().call(inputs, training=training)
            return logits
        items = {
            column.name: ops.expand_dims(inputs[column.name], 1)
            for column in self.schema.encoded_columns(["item"])
        }
        columns = self.schema.encoded_columns(USER_ROLES)
        user = {column.name: inputs[column.name] for column in columns}
        scores = self.call_requests({**user, **items}, training=training)
        return {
            name: value if name.startswith(PREFIX) else value[:, 0]
            for name, value in scores.items()
        }

    def call_requests(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        user, items = split_roles(self.schema, inputs)
        state = self.encode_user(user, training=training)
        logits = self.score(state, items, training=training)
        if not training:
            return logits
        losses = {
            f"{PREFIX}{name}": history.next_action_loss(_part(state, name))
            for name, history in self.histories.items()
            if history.next_action is not None
        }
        return {**logits, **losses}

    def training_losses(
        self, y: Mapping[str, Tensor], parts: Mapping[str, Tensor], sample_weight: Any
    ) -> dict[str, tuple[float, Tensor]]:
        weight = self.sequences.next_action_weight if self.sequences else 0.0
        return {"next_action_loss": (weight, sum(parts.values()))}

    def encode_user(
        self, user_inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        if self.sequences is None:
            return super().encode_user(user_inputs, training=training)
        fields, vectors = self.embeddings.stacked(user_inputs)
        state: dict[str, Tensor] = {}
        tokens: list[Tensor] = []
        for name, history in self.histories.items():
            read = history.read(user_inputs, vectors, training=training)
            tokens += history.summaries(read)
            state |= {f"{name}/{key}": value for key, value in read.items()}
        if tokens:
            fields = ops.concatenate([fields, ops.stack(tokens, axis=1)], axis=1)
        return {**state, "user_fields": fields}

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        if self.sequences is None:
            return super().score(state, items, training=training)
        fields, _ = self.embeddings.stacked(items)  # (batch, candidates, fields, dim)
        batch, count = ops.shape(fields)[:2]
        names = self.embeddings.stacked_fields(["item"])
        by_name = {name: fields[..., place, :] for place, name in enumerate(names)}
        tokens = [
            ops.expand_dims(token, 2)
            for name, history in self.histories.items()
            for token in history.targets(by_name, _part(state, name))
        ]
        own = ops.concatenate([fields, *tokens], axis=2)
        user = ops.repeat(state["user_fields"], count, axis=0)
        flat = ops.reshape(own, (batch * count, own.shape[2], self.dim))
        logits = self.interact({"user_fields": user, "item_fields": flat}, training)
        return self._by_label(ops.reshape(logits, (batch, count, self.heads.total)))

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        return self.embeddings.sides(inputs, "fields")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        fields = joined(embedded, "fields")
        for ensemble in self.ensembles:
            fields = ensemble(fields, training=training)
        flat = ops.reshape(fields, (-1, fields.shape[1] * fields.shape[2]))
        logits: Tensor = self.towers(flat, training=training)
        return logits

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "layers": [
                [module_config(spec) for spec in modules]
                for modules in self.layer_specs
            ],
            "depth": self.depth,
            "ensemble": self.ensemble,
            "num_outputs": self.num_outputs,
            "sequences": self.sequences and self.sequences.to_dict(),
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }

    def _histories(self) -> dict[str, SequenceTokens]:
        if self.sequences is None:
            return {}
        return {
            sequence.name: SequenceTokens(
                self.schema,
                sequence,
                self.sequences,
                seed=derived_seed(self.seed, sequence.name),
                dtype=self.dtype_policy,
                name=f"{sequence.name}_tokens",
            )
            for sequence in self.schema.sequences
        }

    def _ensembles(self) -> list[HierarchicalEnsemble]:
        return [
            HierarchicalEnsemble(
                modules,
                ensemble=self.ensemble,
                num_outputs=self.num_outputs,
                seed=derived_seed(self.seed, f"ensemble_{place}"),
                dtype=self.dtype_policy,
                name=f"ensemble_{place}",
            )
            for place, modules in enumerate(_repeated(self.layer_specs, self.depth))
        ]


def _part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """What is known of one history, without its name."""
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): value
        for key, value in state.items()
        if key.startswith(prefix)
    }


def _specs(layers: str | Sequence[Sequence[ModuleSpec]]) -> list[list[Any]]:
    """Specifications of each layer's modules."""
    if isinstance(layers, str):
        if layers not in PRESETS:
            raise UnknownName("layers", layers, PRESETS)
        layers = PRESETS[layers]
    if not layers or any(isinstance(modules, str) for modules in layers):
        raise InputError(
            "layers", received=layers, expected="a list of modules for each layer"
        )
    return [[kept(spec) for spec in modules] for modules in layers]


def _repeated(layers: list[list[Any]], depth: int | None) -> list[list[Any]]:
    if depth is None:
        return layers
    if depth < 1:
        raise InputError("depth", received=depth, expected="a positive number")
    return [layers[place % len(layers)] for place in range(depth)]
