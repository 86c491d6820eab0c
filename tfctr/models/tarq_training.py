"""How TARQ is trained: several losses in one plain `fit`, reported one by one."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from tfctr.errors import InputError
from tfctr.features.inputs import blank_row
from tfctr.layers.quantization.item_autoencoder import ItemAutoencoder
from tfctr.losses import BinaryCrossEntropy
from tfctr.models.pre_ranking import PreRankingModel
from tfctr.models.request_form import split_roles
from tfctr.models.tarq_settings import TARQSettings
from tfctr.models.training_losses import (
    PREFIX,
    TrainingLosses,
    mean_over_observed,
    weight_of,
)
from tfctr.types import Tensor

__all__ = ["TARQTraining"]

# Of each code so many rows are read for the start, and of the data so many batches.
START_ROWS = 32
START_BATCHES = 256


class TARQTraining(TrainingLosses, PreRankingModel):
    """Base of TARQ: losses beside those of the labels, and the codebooks' start.

    A training step adds to the loss of the labels that of each part of the model, with
    its weight, averaged over the examples in which a label is observed; each is a
    metric of its name. In evaluation the loss is that of the labels alone, of what is
    served.

    Args:
        schema: The schema, with sizes.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.
    """

    takes_heads = False

    made: TARQSettings
    autoencoder: ItemAutoencoder

    def item_rows(self, items: Mapping[str, Tensor]) -> Tensor:
        """Embedded fields of items side by side: `(..., width)`.

        Args:
            items: Encoded item tensors by name.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def objectives(
        self,
        known: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        """Logits of whole requests, and what the losses of training are made of.

        Args:
            known: Encoded columns of user, context and histories.
            items: Encoded columns of items, `(batch, candidates, ...)`.
            training: Whether dropout is on and codes are revived.

        Returns:
            Logits by label, and `(batch, candidates, ...)` by names that begin with
            `training/`: logits of `teacher` and `two_tower`, each candidate's part of
            the losses, its `codes`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def retrieval_query(self, state: Mapping[str, Tensor]) -> Tensor:
        """`(batch, vector_dim)`: the user's vector, without the attention."""
        return state["user"]

    def make_tarq_trackers(self) -> None:
        """Makes the metrics that report the parts of the loss, and the codes."""
        made = self.made
        names = ["label_loss", "quantization_loss"]
        names += ["teacher_loss"] if made.has_teacher else []
        names += ["two_tower_loss"] if made.two_tower_weight else []
        names += ["distillation_loss"] if made.distillation_weight else []
        names += ["alignment_loss"] if made.alignment_weight else []
        for level in range(made.num_levels):
            names += [f"code_usage_{level}", f"code_entropy_{level}"]
        super().make_trackers(names)

    # Keras -------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights, also those that only training needs."""
        if not getattr(self, "built", False):
            with tf.init_scope():
                known, items = split_roles(self.schema, blank_row(self.schema))
                items = {n: ops.expand_dims(v, 1) for n, v in items.items()}
                self.objectives(known, items)
        super().build(input_shape)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        self.start_codebooks(x)
        return super().fit(x, *args, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        codes = y_pred.get(f"{PREFIX}codes")
        if codes is not None:
            for name, value in self._code_statistics(codes).items():
                self.track(name, value)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    # The start ---------------------------------------------------------------------

    def start_codebooks(self, x: Any) -> None:
        """Sets the codebooks by residual k-means on items of the data, once.

        `fit` does it by itself before the first step. Nothing happens if the codebooks
        were set or loaded, if `start` is `normal`, or if `x` is a generator, whose
        batches could not be read twice.

        Args:
            x: A `tf.data.Dataset` of batches, or encoded arrays by name.

        Raises:
            InputError: The data has fewer distinct items than there are codes.
        """
        with self.distribute_strategy.scope():
            self.build()
        quantization = self.autoencoder.quantization
        if self.made.start != "kmeans" or quantization.is_started:
            return
        wanted = START_ROWS * self.made.num_codes
        rows: list[np.ndarray] = []
        for batch in _batches(x, wanted):
            found = self.item_rows(self._item_columns(batch))
            dtype, width = found.dtype, found.shape[-1]
            rows.append(np.reshape(ops.cast(found, "float32"), (-1, width)))
            if sum(map(len, rows)) >= wanted:
                break
        if not rows:
            return
        # Each item is encoded once: where it stands in a batch may change last bits.
        items = np.concatenate(rows)[:wanted]
        items, places = np.unique(items, axis=0, return_inverse=True)
        latents = np.asarray(self.autoencoder.encode(ops.cast(items, dtype)))
        try:
            quantization.start(latents[places.ravel()])
        except InputError as error:
            raise InputError(
                "num_codes",
                received=f"{self.made.num_codes}, and {error.received} of items",
                expected="at most as many codes as there are different items",
            ) from error

    def _item_columns(self, x: Mapping[str, Any]) -> dict[str, Any]:
        x = self._unpacked(x)
        columns = self.schema.encoded_columns(["item"])
        return {
            column.name: ops.convert_to_tensor(x[column.name]) for column in columns
        }

    # Losses ------------------------------------------------------------------------

    def training_losses(
        self, y: Mapping[str, Tensor], parts: Mapping[str, Tensor], sample_weight: Any
    ) -> dict[str, tuple[float, Tensor]]:
        made = self.made
        found = {}
        for name, weight in (
            ("teacher", made.teacher_weight),
            ("two_tower", made.two_tower_weight),
        ):
            if name in parts:
                value = self._cross_entropy(y, parts[name], sample_weight)
                found[f"{name}_loss"] = (weight, value)
        for name, weight in (
            ("quantization", made.quantization_weight),
            ("distillation", made.distillation_weight),
            ("alignment", made.alignment_weight),
        ):
            if name in parts:
                value = mean_over_observed(parts[name], sample_weight, self.label_names)
                found[f"{name}_loss"] = (weight, value)
        return found

    def _cross_entropy(
        self, y: Mapping[str, Tensor], logits: Tensor, sample_weight: Any
    ) -> Tensor:
        total = 0.0
        for place, name in enumerate(self.label_names):
            weight = weight_of(sample_weight, name)
            total += BinaryCrossEntropy()(
                ops.reshape(y[name], (-1,)),
                ops.reshape(logits[..., place], (-1,)),
                None if weight is None else ops.reshape(weight, (-1,)),
            )
        return total

    def _code_statistics(self, codes: Tensor) -> dict[str, Tensor]:
        """Share of codes in use, and entropy in nats, of each level in this batch."""
        found = {}
        for level in range(self.made.num_levels):
            flat = ops.cast(ops.reshape(codes[..., level], (-1,)), "int32")
            ones = ops.ones_like(flat, dtype="float32")
            counts = ops.segment_sum(ones, flat, self.made.num_codes)
            share = counts / ops.maximum(ops.sum(counts), 1.0)
            entropy = -ops.sum(share * ops.log(ops.maximum(share, 1e-9)))
            found[f"code_usage_{level}"] = ops.mean(ops.cast(counts > 0, "float32"))
            found[f"code_entropy_{level}"] = entropy
        return found


def _batches(x: Any, rows: int) -> Iterator[Mapping[str, Any]]:
    """Inputs of a few batches of the data."""
    if isinstance(x, Mapping):
        yield {name: value[:rows] for name, value in x.items()}
    if isinstance(x, tf.data.Dataset):
        for batch in x.take(START_BATCHES):
            yield batch[0] if isinstance(batch, tuple) else batch
