"""Losses of training beside those of the labels, each reported by its name."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from tfctr.models.base import RankingModel
from tfctr.models.replicas import num_replicas
from tfctr.types import Tensor

__all__ = ["PREFIX", "TrainingLosses", "mean_over_observed", "weight_of"]

# What a training step makes beside logits has a name that begins so.
PREFIX = "training/"


class TrainingLosses(RankingModel):
    """Base of models whose training steps have losses of their own.

    In training, `call` gives beside the logits what those losses are made of, under
    names that begin with `PREFIX`; `training_losses` makes them of it. Each is a metric
    of its name. In evaluation the loss is that of the labels alone, of what is served.

    Args:
        schema: The schema, with sizes.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.
    """

    def training_losses(
        self, y: Mapping[str, Tensor], parts: Mapping[str, Tensor], sample_weight: Any
    ) -> dict[str, tuple[float, Tensor]]:
        """Weight and value of each loss beside that of the labels, by name.

        Args:
            y: Labels by name.
            parts: What the training step made, by name without `PREFIX`.
            sample_weight: `None`, weights of the examples, or their dict by label.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def make_trackers(self, names: Iterable[str]) -> None:
        """Makes the metrics that report losses, or what else training is asked for.

        Args:
            names: Names of the metrics. `"label_loss"` and those that
                `training_losses` gives follow by themselves; others by `track`.
        """
        trackers = {name: keras.metrics.Mean(name=name) for name in names}
        # Past Keras' tracking, as they are no part of a saved model.
        object.__setattr__(self, "_trackers", trackers)
        object.__setattr__(self, "_is_evaluating", False)

    def track(self, name: str, value: Tensor) -> None:
        """Adds a value to the metric of that name, if there is one."""
        if name in self._trackers:
            self._trackers[name].update_state(value)

    # Keras -------------------------------------------------------------------------

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        with self._evaluating():
            return super().evaluate(*args, **kwargs)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        own = [] if self._is_evaluating else self._trackers.values()
        return [*super().metrics, *own]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        logits, parts = _parted(y_pred)
        loss = super().compute_loss(x, y, logits, sample_weight, training=training)
        if not parts:
            return loss
        replicas = num_replicas()
        self.track("label_loss", loss * replicas)
        losses = self.training_losses(y, parts, sample_weight)
        for name, (weight, value) in losses.items():
            self.track(name, value)
            loss = loss + weight * value / replicas
        return loss

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        return super().compute_metrics(x, y, _parted(y_pred)[0], sample_weight)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Leaves out metrics that only training steps have."""
        before = self._is_evaluating
        object.__setattr__(self, "_is_evaluating", True)
        try:
            yield
        finally:
            object.__setattr__(self, "_is_evaluating", before)


def mean_over_observed(
    values: Tensor, sample_weight: Any, labels: Iterable[str]
) -> Tensor:
    """Mean over the examples in which a label is observed; 0 where there are none.

    Args:
        values: One for each example, `(batch, ...)`.
        sample_weight: `None`, weights of the examples, or their dict by label.
        labels: Names of the labels.
    """
    observed = _observed(values, sample_weight, labels)
    return ops.sum(observed * values) / ops.maximum(ops.sum(observed), 1.0)


def weight_of(sample_weight: Any, label: str) -> Any:
    """Weights of the examples for one label, or `None`."""
    if isinstance(sample_weight, Mapping):
        return sample_weight.get(label)
    return sample_weight


def _observed(like: Tensor, sample_weight: Any, labels: Iterable[str]) -> Tensor:
    """1 where a label of the example is observed, 0 else; padding has none."""
    weights = [weight_of(sample_weight, name) for name in labels]
    counts = [ops.cast(w, "float32") > 0 for w in weights if w is not None]
    if not counts:
        return ops.ones_like(like)
    any_of = sum(ops.reshape(ops.cast(c, "float32"), ops.shape(like)) for c in counts)
    return ops.cast(any_of > 0, "float32")


def _parted(y_pred: Any) -> tuple[Any, dict[str, Tensor]]:
    """Logits by label, and what else a training step makes, by its own name."""
    own = {n: v for n, v in y_pred.items() if n.startswith(PREFIX)}
    logits = {name: value for name, value in y_pred.items() if name not in own}
    return logits, {name.removeprefix(PREFIX): value for name, value in own.items()}
