"""Tokens of events, of candidates and of the user, for models that read events."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import MLP, ActionEmbedding, EmbeddingCollection
from tfctr.models.event_sequence import EventSequence
from tfctr.seeds import glorot, normal
from tfctr.types import Tensor

__all__ = ["EventTokens"]


class EventTokens(keras.layers.Layer):
    """Makes one token, `dim` wide, of an event, a candidate, or a user.

    The token of an event is the sum of its content (features that items have too) and
    of what happened (its action, and features that items lack). That of a candidate is
    its content, with a placeholder in the place of what happened; both go through the
    same layers and tables.

    Args:
        schema: The schema, with sizes.
        events: The sequence of it that is read.
        dim: Width of the tokens.
        embedding_dim: Width of the embedding of a feature.
        has_context: Whether the request's context is a token too.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        events: EventSequence,
        dim: int,
        embedding_dim: int,
        *,
        has_context: bool,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.events = events
        self.dim = dim
        self.seed = seed
        policy = self.dtype_policy
        roles = ["user", *(["context"] if has_context else []), "sequence"]
        self.embeddings = EmbeddingCollection(
            events.embedded(schema),
            embedding_dim,
            roles=roles,
            seed=seed,
            dtype=policy,
            name="embeddings",
        )
        self.content_layer = self._mlp("content")
        self.prefixes = {
            role: self._dense(role)
            for role in roles[:-1]
            if self.embeddings.fields([role])
        }
        self.action_layer = self._mlp("action")
        self.actions = ActionEmbedding(
            events.num_actions,
            is_multiple=events.has_several,
            seed=seed,
            dtype=policy,
            name="actions",
        )
        self.unknown_others = self._add_unknown(embedding_dim * len(events.others))

    def embed(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Vectors of the given user, context and event columns, by one look-up."""
        if not self.embeddings.built:
            self.embeddings.build()
        names = [name for name in self.embeddings.fields() if name in inputs]
        found: dict[str, Tensor] = self.embeddings({n: inputs[n] for n in names})
        return found

    def prefix(self, fields: Mapping[str, Tensor]) -> list[Tensor]:
        """Tokens `(batch, 1, dim)` of user and context.

        Args:
            fields: What `embed` gave for them.
        """
        return [
            ops.expand_dims(layer(self._joined(fields, self.embeddings.fields([r]))), 1)
            for r, layer in self.prefixes.items()
        ]

    def content(self, fields: Mapping[str, Tensor]) -> Tensor:
        """`(..., dim)`: what is known of events before they happen.

        Args:
            fields: What `embed` gave for them.
        """
        names = [f"{self.events.name}_{name}" for name in self.events.shared]
        return self.content_layer(self._joined(fields, names))

    def candidates(self, items: Mapping[str, Tensor]) -> Tensor:
        """`(..., dim)`: content of candidates.

        Args:
            items: Encoded item columns.
        """
        shared = {f"{self.events.name}_{n}": items[n] for n in self.events.shared}
        return self.content(self.embed(shared))

    def happened(
        self, fields: Mapping[str, Tensor], inputs: Mapping[str, Tensor]
    ) -> Tensor:
        """`(..., dim)`: what is known of events after they happened.

        Args:
            fields: What `embed` gave for them.
            inputs: Encoded columns of them.
        """
        if self.events.action is None:
            actions = ops.ones_like(inputs[self.events.marker])
        else:
            actions = inputs[self.events.action]
        parts = [self.actions(actions)]
        parts += [fields[name] for name in self.events.others]
        return self.action_layer(ops.concatenate(parts, axis=-1))

    def unknown(self) -> Tensor:
        """`(dim,)`: what stands for it in tokens of what has not happened yet."""
        parts = [self.actions.placeholder()]
        if self.unknown_others is not None:
            parts.append(ops.cast(self.unknown_others, self.compute_dtype))
        return self.action_layer(ops.expand_dims(ops.concatenate(parts), 0))[0]

    def _add_unknown(self, width: int) -> Any:
        if not width:
            return None
        return self.add_weight(
            name="unknown_others",
            shape=(width,),
            initializer=normal(self.seed, "unknown_others", 0.1),
            autocast=False,
        )

    def _joined(self, fields: Mapping[str, Tensor], names: list[str]) -> Tensor:
        return ops.concatenate([fields[name] for name in names], axis=-1)

    def _mlp(self, name: str) -> MLP:
        return MLP(
            [self.dim, self.dim],
            final_activation="linear",
            seed=self.seed,
            dtype=self.dtype_policy,
            name=name,
        )

    def _dense(self, name: str) -> keras.layers.Dense:
        return keras.layers.Dense(
            self.dim,
            kernel_initializer=glorot(self.seed, f"{name}_prefix"),
            dtype=self.dtype_policy,
            name=f"{name}_prefix",
        )
