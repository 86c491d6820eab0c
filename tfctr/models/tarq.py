"""TARQ: pre-ranking with target attention, by residual quantization of the items."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.layers import CodebookAttention, EmbeddingCollection, ItemAutoencoder
from tfctr.layers.quantization.codewords import codeword_sum, codewords
from tfctr.losses import codebook_alignment_loss, interest_distillation_loss
from tfctr.models.request_form import split_roles
from tfctr.models.tarq_backbone import TARQBackbone, TARQUser
from tfctr.models.tarq_heads import head_config, make_head
from tfctr.models.tarq_settings import TARQSettings, plain
from tfctr.models.tarq_teacher import TARQTeacher
from tfctr.models.tarq_training import TARQTraining
from tfctr.models.timed_history import without_padding
from tfctr.models.training_losses import PREFIX
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["TARQ"]


@serializable
class TARQ(TARQTraining):
    """Two towers, and target attention that costs a look-up for each candidate.

    An item is quantized to one code of each of `L` levels, offline. Once a request, all
    `L x K` codewords attend to the history; a candidate's interest is the sum of its
    attended codewords, whatever the length of the history. In training, a teacher with
    exact target attention shows what that sum should be. All sequences are read, one
    after the other, with all their features; times themselves have no vector.

    Train it on requests (`tfctr.data.to_requests`), so that codewords attend once a
    request and not once an example.

    Args:
        schema: The schema, with sizes and at least one sequence.
        variant: `full`, `wo-alignment`, `wo-distillation` or `wo-residual`; see
            `TARQSettings.of`.
        settings: Fields of `TARQSettings` that differ from its defaults, for example
            `{"num_codes": 256}`.
        head: What makes logits of interest, item and user: `tower`, `additive`,
            `interest`, or a Keras layer that is called with `(batch, candidates,
            attention_dim)`, `(batch, candidates, vector_dim)` and `(batch, vector_dim)`
            and gives `(batch, candidates, labels)`.
        dim: Width of the embeddings.
        hidden_units: Widths of the hidden layers of towers, item encoder and head.
        dropout: Dropout in the towers.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`. With `training=True` also what the
        losses are made of, under names that begin with `training/`.

    Source: Li et al., Equip Pre-ranking with Target Attention by Residual Quantization,
    SIGIR 2026, arXiv 2509.16931. Deviations: docs/methods/tarq.md.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        variant: str = "full",
        settings: Mapping[str, Any] | None = None,
        head: Any = "tower",
        dim: int = 16,
        hidden_units: Sequence[int] = (64,),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.variant = variant
        self.settings = None if settings is None else plain(settings)
        self.dim = dim
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self.made = TARQSettings.of(variant, settings)
        if not self.schema.sequences:
            raise InputError("sequences", received="none", expected="a history")
        self.embeddings = EmbeddingCollection(
            self.schema, dim, seed=seed, dtype=self.dtype_policy, name="embeddings"
        )
        self._head_argument = head if isinstance(head, str) else None
        self.head = make_head(
            head,
            len(self.schema.labels),
            hidden_units=self.hidden_units,
            seed=seed,
            dtype=self.dtype_policy,
        )
        self._make_layers(self.made)
        self.make_tarq_trackers()

    def _make_layers(self, made: TARQSettings) -> None:
        labels, seed, policy = len(self.schema.labels), self.seed, self.dtype_policy
        attention: dict[str, Any] = {"num_heads": made.num_heads, "dtype": policy}
        self.backbone = TARQBackbone(
            self.embeddings,
            attention_dim=made.attention_dim,
            units=[*self.hidden_units, made.vector_dim],
            dropout=self.dropout,
            seed=seed,
            name="backbone",
            **attention,
        )
        self.codebook_attention = CodebookAttention(
            made.attention_dim, seed=seed, name="codebook_attention", **attention
        )
        self.autoencoder = ItemAutoencoder(
            [*self.hidden_units, made.code_dim],
            quantizer=made.quantizer(),
            norm=made.code_norm,
            seed=seed,
            dtype=policy,
            name="autoencoder",
        )
        self.teacher: TARQTeacher | None = None
        if made.has_teacher:
            self.teacher = TARQTeacher(
                labels,
                dim=made.attention_dim,
                hidden_units=made.teacher_units,
                seed=seed,
                name="teacher",
                **attention,
            )
        if made.two_tower_weight:
            for name, value in (("cosine_scale", 5.0), ("cosine_bias", 0.0)):
                start = keras.initializers.Constant(value)
                weight = self.add_weight(name=name, shape=(labels,), initializer=start)
                setattr(self, name, weight)

    # Pairs and requests ------------------------------------------------------------

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        columns = self.schema.encoded_columns(["item"])
        items = {c.name: ops.expand_dims(inputs[c.name], 1) for c in columns}
        if training:
            outputs = self.call_requests({**inputs, **items}, training=True)
            return {name: value[:, 0] for name, value in outputs.items()}
        user = self._user(inputs)
        stored = self._stored(self.item_rows(items))
        # One candidate: only its own codewords have to attend, and not all.
        books = ops.convert_to_tensor(self.autoencoder.quantization.codebooks)
        own = codewords(books, stored["codes"][:, 0])
        attended = self.codebook_attention.attend(own, user.history, user.mask)
        interests = ops.sum(attended, axis=1, keepdims=True)
        logits = self.head(interests, stored["vector"], user.vector)
        return self._by_label(logits[:, 0])

    def call_requests(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        known, items = split_roles(self.schema, inputs)
        if not training:
            return self.score(self.encode_user(known), items)
        return self.objectives(known, items, training=True)

    def encode_user(
        self, user_inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        user = self._user(user_inputs, training)
        return {"user": user.vector, "codewords": self._project(self._attended(user))}

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        return self.score_stored(state, self._stored(self.item_rows(items), training))

    def encode_items(self, items: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What to store for each item.

        Args:
            items: Encoded item tensors `(items, ...)` by name.

        Returns:
            `vector` float32 `(items, vector_dim)` of length 1, and `codes` `(items,
            num_levels)` in the smallest unsigned integers that hold them.
        """
        return self._stored(self.item_rows(items))

    def item_rows(self, items: Mapping[str, Tensor]) -> Tensor:
        fields, _ = self.embeddings.stacked(items)
        outer = ops.shape(fields)[:-2]
        return ops.reshape(fields, (*outer, fields.shape[-2] * self.dim))

    def score_stored(
        self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        rows = codeword_sum(state["codewords"], stored["codes"])
        combine = getattr(self.head, "combine", self.head)
        return self._by_label(combine(rows, stored["vector"], state["user"]))

    def score_teacher(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Logits of the teacher: what exact target attention says.

        Args:
            inputs: Whole requests, encoded, as for a call.

        Returns:
            Dict label -> float32 logits `(batch, candidates)`.

        Raises:
            InputError: The variant has no teacher.
        """
        if self.teacher is None:
            raise InputError("variant", received=self.variant, expected="a teacher")
        known, items = split_roles(self.schema, self._unpacked(inputs))
        user, rows = self._user(known), self.item_rows(items)
        taught = self.teacher(rows, user.fields, user.events, events_mask=user.mask)
        return self._by_label(taught["logits"])

    def objectives(
        self,
        known: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        made = self.made
        user, rows = self._user(known, training), self.item_rows(items)
        vectors = self.backbone.item(rows, training)
        found = self.autoencoder(rows, training=training)
        attended = self._attended(user)
        interests = codeword_sum(attended, found["codes"])
        outputs = {
            **self._by_label(self.head(interests, vectors, user.vector)),
            f"{PREFIX}quantization": found["loss"],
            f"{PREFIX}codes": ops.cast(found["codes"], "float32"),
        }
        if made.two_tower_weight:
            cosine = ops.matmul(vectors, ops.expand_dims(user.vector, -1))
            scale = ops.cast(self.cosine_scale, cosine.dtype)
            bias = ops.cast(self.cosine_bias, cosine.dtype)
            outputs[f"{PREFIX}two_tower"] = cosine * scale + bias
        if self.teacher is None:
            return outputs
        taught = self.teacher(rows, user.fields, user.events, events_mask=user.mask)
        outputs[f"{PREFIX}teacher"] = taught["logits"]
        if made.distillation_weight:
            loss = interest_distillation_loss(interests, taught["interests"])
            outputs[f"{PREFIX}distillation"] = loss
        if made.alignment_weight:
            outputs[f"{PREFIX}alignment"] = codebook_alignment_loss(
                found["latents"],
                taught["interests"],
                self.autoencoder.quantization.codebooks,
                attended,
                temperature=made.temperature,
            )
        return outputs

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "variant": self.variant,
            "settings": self.settings,
            "head": head_config(self._head_argument, self.head),
            "dim": self.dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }

    # Parts -------------------------------------------------------------------------

    def _user(self, inputs: Mapping[str, Tensor], training: bool = False) -> TARQUser:
        columns = self.schema.encoded_columns(["user", "context", "sequence"])
        known = {column.name: inputs[column.name] for column in columns}
        if not kernels.is_xla():  # whose shapes are static
            known = without_padding(self.schema, known)
        return self.backbone.user(known, training=training)

    def _attended(self, user: TARQUser) -> Tensor:
        """Personalised codebooks `(batch, levels, codes, attention_dim)`."""
        books = ops.convert_to_tensor(self.autoencoder.quantization.codebooks)
        return self.codebook_attention(books, user.history, events_mask=user.mask)

    def _project(self, attended: Tensor) -> Tensor:
        project = getattr(self.head, "project", None)
        return attended if project is None else project(attended)

    def _stored(self, rows: Tensor, training: bool = False) -> dict[str, Tensor]:
        latents = self.autoencoder.encode(rows)
        codes = self.autoencoder.quantization.codes_of(latents)
        return {
            "vector": self.backbone.item(rows, training),
            "codes": ops.cast(codes, self.made.code_dtype),
        }
