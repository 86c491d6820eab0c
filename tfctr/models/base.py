"""The contract that every model keeps."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema, Vector
from tfctr.features.inputs import blank_row
from tfctr.features.packing import is_packed, unpack
from tfctr.models.distillation import Distillation
from tfctr.models.heads import Heads, predictions
from tfctr.models.request_form import by_form, split_roles
from tfctr.models.table_settings import set_table_settings, table_settings
from tfctr.models.tasks import parents_of
from tfctr.models.trainable import TrainableModel
from tfctr.types import Tensor

__all__ = ["RankingModel"]


class RankingModel(TrainableModel):
    """A model that scores items for a user: dict of tensors in, logits per label out.

    A subclass makes its layers in `__init__`, and writes `embed` (encoded inputs of
    any subset of roles to what depends on them alone) and `interact` (everything
    embedded, one row a pair of user and item, to logits). The request form follows:
    `encode_user` embeds the user once, `score` tiles it over the candidates. A method
    whose structure allows more overrides `score`.

    Args:
        schema: The schema, with sizes (`SchemaState.schema`).
        two_logits: Labels with a logit for 0 and one for 1, which can be ranked within
            contexts (`Task(losses={"context_ranking": ...})`). What comes out is their
            difference.
        seed: Seed of all initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Call arguments:
        inputs: Encoded tensors `(batch, ...)` by name, others are ignored; or their
            packed form (`to_dataset(packed=True)`); or whole requests
            (`tfctr.data.to_requests`): the item's tensors `(batch, candidates, ...)`.
        training: Whether dropout and the like are on.

    Returns:
        Dict label -> float32 logits `(batch,)`; of requests `(batch, candidates)`. Of a
        value the logarithm of what is expected: see `predictions`.

    Raises:
        InputError: The model gives one logit a label, and more is asked for.
    """

    # Whether it can give a label more outputs than one.
    takes_heads = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Keras calls `call`; so what a model writes for pairs need not know requests.
        if "call" in cls.__dict__:
            cls.call = by_form(cls.call)  # type: ignore[method-assign]

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        two_logits: Sequence[str] = (),
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(schema, Mapping):
            schema = FeatureSchema.from_dict(schema)
        self.schema = schema
        self.seed = seed
        self._set_distillation(None)
        # Past Keras' tracking, which makes wrappers of lists.
        object.__setattr__(self, "heads", Heads(schema.labels, two_logits))
        if self.heads.several and not self.takes_heads:
            raise InputError(
                type(self).__name__,
                received=f"several outputs for {', '.join(self.heads.several)}",
                expected="labels of 0 and 1, and no `two_logits`",
                hint="SharedBottom, ESMM, MMoE, PLE, DHEN and most others take them.",
            )
        self.label_names = [label.name for label in schema.labels]
        self.label_parents = parents_of(schema.labels)
        self.label_ripeness = {
            label.name: label.ripeness for label in schema.labels if label.ripeness
        }

    # To be written by each model ---------------------------------------------------

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        """What depends on the given inputs alone, by name, batch axis first."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        """Outputs `(rows, outputs)` of embedded pairs of user and item."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    # Pointwise and request form ----------------------------------------------------

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        # Here and not in `call`, where Keras makes other errors of ours.
        if isinstance(inputs, Mapping):
            inputs = self._unpacked(inputs)
            self._check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    @by_form
    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        embedded = self.embed(inputs, training=training)
        return self._by_label(self.interact(embedded, training=training))

    def call_requests(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        """What `call` gives for whole requests: each user is encoded once.

        Args:
            inputs: Encoded tensors `(batch, ...)`, those of the item
                `(batch, candidates, ...)`, by name.
            training: Whether dropout is on.

        Returns:
            Dict label -> float32 logits `(batch, candidates)`.
        """
        user, items = split_roles(self.schema, inputs)
        state = self.encode_user(user, training=training)
        return self.score(state, items, training=training)

    def encode_user(
        self, user_inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        """What depends on user, context and history: computed once a request.

        Args:
            user_inputs: Encoded tensors `(batch, ...)` of those roles.
            training: Whether dropout is on.

        Returns:
            Tensors `(batch, ...)` by name, to hand to `score`.
        """
        return self.embed(user_inputs, training=training)

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        """Scores each request's candidates, each on its own.

        Args:
            state: What `encode_user` gave for the requests.
            items: Encoded item tensors `(batch, candidates, ...)` by name.
            training: Whether dropout is on.

        Returns:
            Dict label -> float32 logits `(batch, candidates)`.
        """
        batch, count = ops.shape(next(iter(items.values())))[:2]
        flat = {
            name: ops.reshape(value, (batch * count, *ops.shape(value)[2:]))
            for name, value in items.items()
        }
        tiled = {name: ops.repeat(v, count, axis=0) for name, v in state.items()}
        embedded = {**tiled, **self.embed(flat, training=training)}
        logits = self.interact(embedded, training=training)
        return self._by_label(ops.reshape(logits, (batch, count, self.heads.total)))

    # Values and probabilities ------------------------------------------------------

    def predictions(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Probabilities of labels of 0 and 1, expected values of others.

        Args:
            scores: What the model, or its `predict`, gave, by label.
        """
        return predictions(self.schema.labels, scores)

    # Teachers ----------------------------------------------------------------------

    def learn_from(
        self,
        teacher: "RankingModel",
        *,
        kind: str = "listwise",
        weight: float = 1.0,
        temperature: float = 1.0,
    ) -> None:
        """Lets a trained ranking model teach this one in each later `fit`.

        The teacher stays as it is and is not saved with the model.

        Args:
            teacher: Any `RankingModel` of the same schema; it is asked in every step.
            kind: `"pointwise"`, `"logit"`, `"pairwise"` or `"listwise"`; the last two
                need whole requests (`tfctr.data.to_requests`).
            weight: Weight of what is taught beside the labels.
            temperature: Softens the teacher's logits.

        Raises:
            UnknownName: There is no such kind.
            InputError: A number is out of range, or the teacher has another schema.
        """
        if teacher.schema != self.schema:
            raise InputError(
                "teacher",
                received="a model of another schema",
                expected="one of the student's schema",
            )
        if self.heads.values:
            raise InputError(
                "teacher",
                received=f"values, {', '.join(self.heads.values)}",
                expected="labels of 0 and 1: they have logits to be taught",
            )
        teacher.build()
        self._set_distillation(
            Distillation(teacher, kind=kind, weight=weight, temperature=temperature)
        )
        self.train_function = None  # which may be traced without it

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training or self._distillation is None:
            return loss
        return loss + self._distillation(self._unpacked(x), y_pred)

    def _set_distillation(self, distillation: Distillation | None) -> None:
        # Past Keras' tracking: the teacher's weights are not the student's.
        object.__setattr__(self, "_distillation", distillation)

    # Keras -------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights; the schema alone says what comes in."""
        if not getattr(self, "built", False):
            # Eagerly, on one row: in a graph, TensorFlow would trace the making
            # of the weights, lift it out and then trace the step once more.
            with tf.init_scope():
                self.call(blank_row(self.schema))
            self.built = True

    def get_build_config(self) -> dict[str, Any]:
        return {"built": True, "tables": table_settings(self)}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        self.build()
        set_table_settings(self, config.get("tables", {}))

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "schema": self.schema.to_dict(),
            "seed": self.seed,
        }
        if self.heads.two_logits:
            config["two_logits"] = self.heads.two_logits
        return config

    def _by_label(self, logits: Tensor) -> dict[str, Tensor]:
        return self.heads.scores(logits)

    def _unpacked(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return unpack(self.schema, inputs) if is_packed(inputs) else inputs

    def _check_inputs(self, inputs: Mapping[str, Tensor]) -> None:
        for column in self.schema.encoded_columns():
            if column.name not in inputs:
                raise UnknownName(f"input {column.name}", column.name, inputs)
            if isinstance(column.feature, Vector):
                shape = ops.shape(inputs[column.name])
                column.feature.check_width(column.name, shape)
