"""The contract that every model keeps."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import GROUP_ID, FeatureSchema
from tfctr.features.inputs import keras_inputs
from tfctr.features.packing import is_packed, unpack
from tfctr.models.objective import default_loss, default_metrics
from tfctr.types import Tensor

__all__ = ["RankingModel"]


class RankingModel(keras.Model):
    """A model that scores items for a user: dict of tensors in, logits per label out.

    A subclass makes its layers in `__init__`, and writes `embed` (encoded inputs of
    any subset of roles to what depends on them alone) and `interact` (everything
    embedded, one row a pair of user and item, to logits). The request form follows:
    `encode_user` embeds the user once, `score` tiles it over the candidates. A method
    whose structure allows more overrides `score`.

    Args:
        schema: The schema, with sizes (`SchemaState.schema`).
        seed: Seed of all initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Call arguments:
        inputs: Encoded tensors `(batch, ...)` by name, others are ignored; or their
            packed form (`to_dataset(packed=True)`).
        training: Whether dropout and the like are on.

    Returns:
        Dict label -> float32 logits `(batch,)`.
    """

    def __init__(
        self, schema: FeatureSchema | Mapping[str, Any], *, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(schema, Mapping):
            schema = FeatureSchema.from_dict(schema)
        self.schema = schema
        self.seed = seed
        self.label_names = [label.name for label in schema.labels]
        self._set_grouped_metrics({})

    # To be written by each model ---------------------------------------------------

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        """What depends on the given inputs alone, by name, batch axis first."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        """Logits `(rows, labels)` of embedded pairs of user and item."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    # Pointwise and request form ----------------------------------------------------

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        # Here and not in `call`, where Keras makes other errors of ours.
        if isinstance(inputs, Mapping):
            inputs = self._unpacked(inputs)
            self._check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        embedded = self.embed(inputs, training=training)
        return self._by_label(self.interact(embedded, training=training))

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
        return self._by_label(
            ops.reshape(logits, (batch, count, len(self.schema.labels)))
        )

    # Keras -------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights; the schema alone says what comes in."""
        if not getattr(self, "built", False):
            self.call(keras_inputs(self.schema))
            self.built = True

    def get_build_config(self) -> dict[str, Any]:
        return {"built": True}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        self.build()

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        *,
        weighted_metrics: Any = None,
        grouped_auc: bool = False,
        jit_compile: bool = False,
        **kwargs: Any,
    ) -> None:
        """Configures training; loss and metrics follow from the labels.

        Args:
            optimizer: `tfctr.optimizers.default()` if not given.
            loss: Binary cross-entropy of each label, averaged over the examples in
                which it is observed, if not given.
            weighted_metrics: AUC, normalized entropy and calibration ratio of each
                label if not given.
            grouped_auc: Whether to report AUC by user (GAUC) too. It keeps all
                scores of an epoch, so it is off by default.
            jit_compile: Whether to use XLA. Off by default: on a CPU it made models
                with many inputs slower.
            **kwargs: Passed to `keras.Model.compile`.
        """
        from tfctr import metrics, optimizers

        if grouped_auc and jit_compile:
            raise InputError(
                "grouped_auc", received="with jit_compile=True", expected="without it"
            )
        self._set_grouped_metrics(
            {
                name: metrics.GroupedAUC(name=f"{name}_grouped_auc")
                for name in self.label_names
                if grouped_auc
            }
        )
        super().compile(
            optimizer=optimizers.default() if optimizer is None else optimizer,
            loss=default_loss(self.label_names) if loss is None else loss,
            weighted_metrics=(
                default_metrics(self.label_names)
                if weighted_metrics is None
                else weighted_metrics
            ),
            jit_compile=jit_compile,
            **kwargs,
        )
        self._compile_arguments = {"grouped_auc": grouped_auc}

    def get_compile_config(self) -> dict[str, Any] | None:
        config: dict[str, Any] | None = super().get_compile_config()
        if not config:
            return config
        is_built = self.optimizer.built
        return {**config, **self._compile_arguments, "optimizer_built": is_built}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        config = keras.saving.deserialize_keras_object(config)
        has_slots = config.pop("optimizer_built", True)
        self.compile(**config)
        if self.built and has_slots:
            self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [*super().metrics, *self._grouped_metrics.values()]

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        # A dataset shuffles itself; Keras warns of its own default otherwise.
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)
        return super().fit(x, *args, **kwargs)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        x = self._unpacked(x)
        for name, metric in self._grouped_metrics.items():
            if GROUP_ID not in x:
                raise InputError(
                    GROUP_ID, received="no such input", expected="one for grouped AUC"
                )
            is_by_label = isinstance(sample_weight, Mapping)
            weight = sample_weight[name] if is_by_label else sample_weight
            metric.update_state(
                y[name], y_pred[name], sample_weight=weight, group=x[GROUP_ID]
            )
        results: dict[str, Any] = super().compute_metrics(
            x, _columns(y), _columns(y_pred), sample_weight
        )
        return results

    def get_metrics_result(self) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for metric in self.metrics:
            # In a step, as opposed to after all steps, a recent value has to do: the
            # exact one sorts all examples.
            is_grouped = metric in self._grouped_metrics.values()
            in_step = is_grouped and not tf.executing_eagerly()
            result = metric.running_result() if in_step else metric.result()
            results |= result if isinstance(result, dict) else {metric.name: result}
        return results

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        return super().compute_loss(x, _columns(y), _columns(y_pred), *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "schema": self.schema.to_dict(),
            "seed": self.seed,
        }

    def _set_grouped_metrics(self, metrics: dict[str, keras.metrics.Metric]) -> None:
        # Past Keras' tracking: a built model refuses new state, yet may be compiled.
        object.__setattr__(self, "_grouped_metrics", metrics)

    def _by_label(self, logits: Tensor) -> dict[str, Tensor]:
        logits = ops.cast(logits, "float32")
        return {name: logits[..., k] for k, name in enumerate(self.label_names)}

    def _unpacked(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return unpack(self.schema, inputs) if is_packed(inputs) else inputs

    def _check_inputs(self, inputs: Mapping[str, Tensor]) -> None:
        for column in self.schema.encoded_columns():
            if column.name not in inputs:
                raise UnknownName(f"input {column.name}", column.name, inputs)


def _columns(by_label: Any) -> Any:
    """Vectors `(batch,)` as `(batch, 1)`.

    Losses and metrics of Keras average over the last axis before they weigh examples,
    so it must not be the batch.
    """
    if not isinstance(by_label, Mapping):
        return by_label
    return {
        name: ops.expand_dims(value, -1) if len(value.shape) == 1 else value
        for name, value in by_label.items()
    }
