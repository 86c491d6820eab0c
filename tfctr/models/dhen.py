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
from tfctr.models.base import RankingModel
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Tensor

__all__ = ["DHEN"]


@serializable
class DHEN(RankingModel):
    """Hierarchical ensembles on all embeddings, then a tower for each label.

    `X_{n+1} = LN(ensemble_i(module_i(X_n)) + shortcut(X_n))`, `X_0` the embeddings,
    `logit_t = w_t . mlp_t(X_N)`. Labels that are not observed give no loss and no
    gradient; towers start from seeds of their labels' names, so that another label
    leaves the others' logits as they were.

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
        hidden_units: Widths of each task's tower; none for a logit of `X_N` itself.
        dropout: Share of units dropped in the towers in training.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

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
        self.ensembles = self._ensembles()
        self.towers = TaskTowers(
            self.label_names,
            hidden_units=hidden_units,
            dropout=dropout,
            seed=seed,
            dtype=self.dtype_policy,
            name="towers",
        )

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
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
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
