"""Modules around layers that are there already: MLP, linear, dot products, FM."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from tfctr.layers.interaction.ensemble.interaction_module import InteractionModule
from tfctr.layers.interaction.inner_products import InnerProducts
from tfctr.layers.interaction.mlp import MLP
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["DotModule", "FactorizationModule", "LinearModule", "MLPModule"]


@serializable
class LinearModule(InteractionModule):
    """`u = W X` along the axis of the embeddings' number, and nothing else.

    Source: Zhang et al., DHEN, 2022, equation (6).

    >>> tuple(LinearModule(num_outputs=2)(ops.ones((3, 4, 5))).shape)
    (3, 2, 5)
    """

    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        return fields


@serializable
class MLPModule(InteractionModule):
    """An MLP on all embeddings side by side.

    Args:
        hidden_units: Widths of the MLP.
        dropout: Share of units dropped after each layer in training.
        **kwargs: As for `InteractionModule`.

    Source: the module set of Zhuang et al., WWW 2025; its form is not published.

    >>> tuple(MLPModule([8], num_outputs=2)(ops.ones((3, 4, 5))).shape)
    (3, 2, 5)
    """

    def __init__(
        self,
        hidden_units: Sequence[int] = (128,),
        *,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units, self.dropout = list(hidden_units), dropout
        self.mlp = MLP(
            hidden_units,
            dropout=dropout,
            seed=self.seed,
            dtype=self.dtype_policy,
            name="mlp",
        )

    def build_interaction(self, num_fields: int, dim: int) -> Shape:
        self.mlp.build((None, num_fields * dim))
        return (self.hidden_units[-1],)

    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        flat = ops.reshape(fields, (-1, fields.shape[1] * fields.shape[2]))
        return self.mlp(flat, training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }


@serializable
class DotModule(InteractionModule):
    """Dot products of all pairs of embeddings, through an MLP: an advanced DLRM.

    Args:
        hidden_units: Widths of the MLP; without any the products are mapped directly.
        **kwargs: As for `InteractionModule`.

    Source: Zhang et al., DHEN, 2022, equation (3).

    >>> tuple(DotModule([8], num_outputs=2)(ops.ones((3, 4, 5))).shape)
    (3, 2, 5)
    """

    def __init__(self, hidden_units: Sequence[int] = (128,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_units = list(hidden_units)
        policy = self.dtype_policy
        self.products = InnerProducts(dtype=policy, name="products")
        self.mlp = (
            MLP(hidden_units, seed=self.seed, dtype=policy, name="mlp")
            if self.hidden_units
            else None
        )

    def build_interaction(self, num_fields: int, dim: int) -> Shape:
        count = num_fields * (num_fields - 1) // 2
        if self.mlp is None:
            return (count,)
        self.mlp.build((None, count))
        return (self.hidden_units[-1],)

    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        products = self.products(fields)
        return products if self.mlp is None else self.mlp(products, training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden_units": self.hidden_units}


@serializable
class FactorizationModule(InteractionModule):
    """`1/2 ((sum_i v_i)^2 - sum_i v_i^2)`, element by element: `(batch, dim)`.

    Source: Rendle, Factorization Machines, ICDM 2010, lemma 3.1, not summed over the
    width, as in He and Chua, Neural Factorization Machines, SIGIR 2017.

    >>> tuple(FactorizationModule(num_outputs=2)(ops.ones((3, 4, 5))).shape)
    (3, 2, 5)
    """

    def build_interaction(self, num_fields: int, dim: int) -> Shape:
        return (dim,)

    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        total = ops.sum(fields, axis=1)
        return (ops.square(total) - ops.sum(ops.square(fields), axis=1)) / 2
