"""Embeddings of ids, learnt by contrast before any ranker sees them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.features.inputs import blank_row
from tfctr.features.packing import is_packed, unpack
from tfctr.layers import ItemFrequencies, PooledEmbeddings
from tfctr.losses import in_batch_softmax
from tfctr.models.id_features import (
    check_positives,
    counter_rows,
    counters,
    inputs_needed,
    row_weights,
    side_columns,
)
from tfctr.models.in_batch_areas import in_batch_areas
from tfctr.models.prediction import are_arrays
from tfctr.models.random_items import RandomItems
from tfctr.models.trainable import TrainableModel
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["IDPretraining"]

LOGQ = ("none", "streaming", "exact")
POOLING = {"sum": ops.sum, "mean": ops.mean}


@serializable
class IDPretraining(TrainableModel):
    """`score = <user, item> / temperature`: sums of id embeddings, nothing else.

    It learns from positives alone: each is weighed, by a softmax, against the items
    of the batch and against random ones. It reads only its id features, so positives
    of any surface and any window do. `tfctr.training.pretrained` hands its tables to
    the models that rank.

    `fit(positives)` takes a dict of encoded ids. Where labels are given too, rows
    whose first label is 0 are no positives, but their items are negatives of others.
    A positive without any negative costs nothing.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings, that of the ranker.
        user_features: Id features of user, context or history; the user's id by
            default. A history counts as the mean of its events.
        item_features: Id features of the item; its id by default.
        pooling: Whether the ids of a side are taken as `"sum"` or `"mean"`.
        num_random_negatives: How many items are drawn for each batch, evenly of all:
            see `set_items`.
        logq: Correction of the softmax for how often an item is in a batch:
            `"none"`, `"streaming"` (counted while training) or `"exact"` (counted
            before, see `count_items`). Corrected scores hold how popular an item is,
            others do not.
        smoothing: How often each item counts as seen before the first one.
        temperature: Divides the products.
        normalize: Whether vectors have length one.
        seed: Seed of the initial values; tables begin as those of a ranker of the
            same width and seed.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Call arguments:
        inputs: Encoded id features `(batch, ...)` by name; others are ignored.

    Returns:
        `user` and `item`, float32 vectors `(batch, dim)`, and `score` `(batch,)`.

    Source: Hsu et al., Taming the One-Epoch Phenomenon, RecSys 2024 (its abstract).
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        user_features: Sequence[str] = (),
        item_features: Sequence[str] = (),
        pooling: str = "sum",
        num_random_negatives: int = 0,
        logq: str = "none",
        smoothing: float = 1.0,
        temperature: float = 1.0,
        normalize: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(schema, Mapping):
            schema = FeatureSchema.from_dict(schema)
        self.schema, self.dim, self.seed = schema, dim, seed
        self.label_names = []
        self.label_parents = {}
        self.user_features = list(user_features) or [schema.user_id]
        self.item_features = list(item_features) or [schema.item_id]
        self.pooling, self.logq = pooling, logq
        self.num_random_negatives = num_random_negatives
        self.smoothing, self.temperature = smoothing, temperature
        self.normalize = normalize
        self._check()
        self._make_parts()

    def _check(self) -> None:
        for name, known in (("pooling", POOLING), ("logq", LOGQ)):
            if getattr(self, name) not in known:
                raise UnknownName(name, getattr(self, name), known)
        for name, least in (("temperature", 1e-9), ("num_random_negatives", 0)):
            value = getattr(self, name)
            if value < least:
                raise InputError(name, received=value, expected="a larger number")

    def _make_parts(self) -> None:
        columns = side_columns(self.schema, self.user_features, self.item_features)
        self.needed = inputs_needed(columns)
        self.embeddings = PooledEmbeddings(
            self.schema,
            self.dim,
            only=[column.name for column in columns],
            seed=self.seed,
            dtype=self.dtype_policy,
            name="embeddings",
        )
        self.random_items = RandomItems(self.schema, self.item_features, self.seed)
        self.draws = self.random_items.seeds  # a variable, which checkpoints hold
        self.frequencies = ItemFrequencies(
            counter_rows(self.schema, self.identity),
            smoothing=self.smoothing,
            name="frequencies",
        )
        self.in_batch_auc = keras.metrics.Mean(name="in_batch_auc")

    @property
    def identity(self) -> str:
        """The item feature by which items are the same: the item's id, or the first."""
        is_there = self.schema.item_id in self.item_features
        return self.schema.item_id if is_there else self.item_features[0]

    # What it knows beforehand ------------------------------------------------------

    def set_items(self, items: Mapping[str, Any]) -> None:
        """Sets what random negatives are drawn of.

        Without it, of the item's vocabulary: for a single id with a row for each value.

        Args:
            items: Encoded item features `(items, ...)` by name.
        """
        self.random_items.set(items)
        self.train_function = self.test_function = None

    def count_items(self, positives: Mapping[str, Any]) -> None:
        """Counts the items of all positives, for `logq="exact"`.

        `fit` does so itself where positives come as arrays.

        Args:
            positives: Encoded ids by name.
        """
        self.build()
        ids = tf.convert_to_tensor(positives[self.identity])
        self.frequencies.count(counters(self.schema, self.identity, ids))

    # Vectors -----------------------------------------------------------------------

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(inputs, Mapping):
            inputs = self._unpacked(inputs)
            for name in self.needed:
                if name not in inputs:
                    raise UnknownName(f"input {name}", name, inputs)
        return super().__call__(inputs, *args, **kwargs)

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        user = self.vectors(inputs, self.user_features)
        item = self.vectors(inputs, self.item_features)
        score = ops.sum(user * item, axis=-1) / self.temperature
        return {"user": user, "item": item, "score": score}

    def vectors(self, inputs: Mapping[str, Tensor], features: Iterable[str]) -> Tensor:
        """Float32 vectors `(batch, dim)` of one side.

        Args:
            inputs: Encoded tensors by name.
            features: Names of the side's features.
        """
        columns = [c for c in self.schema.encoded_columns() if c.name in features]
        given = {name: inputs[name] for name in inputs_needed(columns)}
        fields = ops.cast(self.embeddings(given), "float32")
        vector = POOLING[self.pooling](fields, axis=-2)
        return ops.normalize(vector, axis=-1) if self.normalize else vector

    # Training ----------------------------------------------------------------------

    def compile(self, optimizer: Any = None, loss: Any = None, **kwargs: Any) -> None:
        """Configures training; the loss is the model's own.

        Args:
            optimizer: `tfctr.optimizers.default()` if not given.
            loss: Nothing.
            **kwargs: Passed to `TrainableModel.compile`.
        """
        if loss:
            raise InputError("loss", received=loss, expected="none: it has its own")
        super().compile(optimizer, **kwargs)
        # Labels, of which it has none, would decide on these.
        self._compile_loss = self._compile_metrics = None

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        if self.num_random_negatives:
            self.random_items.check()
        if are_arrays(x):
            check_positives(x, self.needed)
        self.build()
        if self.logq == "exact" and not int(self.frequencies.total.numpy()):
            if not are_arrays(x):
                raise InputError(
                    "logq",
                    received="'exact', and batches whose items were not counted",
                    expected="a call of `count_items` before",
                )
            self.count_items(x)
        return super().fit(x, *args, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        ids = self._unpacked(x)[self.identity]
        weights = row_weights(self.schema, y_pred["score"], y, sample_weight)
        if self.logq == "streaming" and training:
            self.frequencies.count(counters(self.schema, self.identity, ids))
        items = y_pred["item"]
        if self.num_random_negatives:
            drawn = self.random_items.draw(self.num_random_negatives, training)
            items = ops.concatenate([items, self.vectors(drawn, self.item_features)], 0)
            ids = ops.concatenate([ids, drawn[self.identity]], 0)
        scores = ops.matmul(y_pred["user"], ops.transpose(items)) / self.temperature
        return in_batch_softmax(scores, ids, weights, log_q=self._log_q(ids))

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        ids = self._unpacked(x)[self.identity]
        weights = row_weights(self.schema, y_pred["score"], y, sample_weight)
        areas, count = in_batch_areas(y_pred["user"], y_pred["item"], ids)
        weights = weights * ops.cast(count > 0, "float32")
        self.in_batch_auc.update_state(areas, sample_weight=weights)
        return self.get_metrics_result()

    def _log_q(self, ids: Tensor) -> Tensor | None:
        """How many of a batch's items are the given ones, as a logarithm."""
        if self.logq == "none":
            return None
        rows = counters(self.schema, self.identity, ids)
        log_shares = self.frequencies.log_shares(rows)
        if not self.num_random_negatives:
            return log_shares
        return self.random_items.joint_log_q(log_shares, self.num_random_negatives)

    # Keras -------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights; the schema alone says what comes in."""
        if not getattr(self, "built", False):
            with tf.init_scope():
                self.call(blank_row(self.schema))
                self.frequencies.build((None,))
                self.frequencies.built = True
            self.built = True

    def get_build_config(self) -> dict[str, Any]:
        return {"built": True}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        self.build()

    def get_config(self) -> dict[str, Any]:
        names = ["dim", "user_features", "item_features", "pooling", "logq"]
        names += ("num_random_negatives", "smoothing", "temperature", "normalize")
        return {
            **super().get_config(),
            "schema": self.schema.to_dict(),
            **{name: getattr(self, name) for name in (*names, "seed")},
        }

    def _unpacked(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return unpack(self.schema, inputs) if is_packed(inputs) else inputs
