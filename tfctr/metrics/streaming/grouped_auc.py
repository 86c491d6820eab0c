"""AUC within groups, streaming and exact."""

from typing import Any

import keras
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.metrics.streaming.example_buffer import ExampleBuffer
from tfctr.metrics.streaming.examples import read_examples
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["GroupedAUC"]


@serializable
class GroupedAUC(keras.metrics.Metric):
    """GAUC: the AUC within each group (user), averaged with the groups' weights.

    A click model ranks items for one user at a time, so what counts is the order
    within a user. A group weighs as much as its examples (impressions); groups with
    examples of one class only have no AUC and are left out; ties count half. Exact,
    whatever the batches and their order: it keeps 20 bytes an example until reset.

    NaN if no group is left. Labels must be 0 or 1; anything else, and NaN
    predictions that have weight, give NaN.

    `result` sorts all examples. In a training loop, where Keras asks for results
    after every step, report `running_result` instead.

    Limits: works eagerly, in `tf.function` and in `model.fit`, but not under
    `jit_compile=True` (the buffers have no fixed shape) and not with several
    replicas. What was collected is not part of saved files.

    From H. Zhu and others, Optimized Cost per Click in Taobao Display Advertising,
    2017.

    Args:
        from_logits: Whether predictions are logits; else probabilities, clipped to
            `[1e-7, 1 - 1e-7]`. The order within a group decides, so it matters only
            for probabilities closer to 0 and 1 than that.
        name: Name of the metric.
        dtype: Dtype in which predictions are compared and the result is given.

    >>> metric = GroupedAUC()
    >>> metric.update_state([1, 0, 0, 1], [2.0, 1.0, 2.0, 1.0], group=[1, 1, 2, 2])
    >>> float(metric.result())
    0.5
    """

    # Models pass `group=x["group_id"]` to metrics that say so.
    needs_group = True

    def __init__(
        self,
        from_logits: bool = True,
        name: str | None = "gauc",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"
        self.from_logits = from_logits
        self._examples = ExampleBuffer(
            {"label": "bool", "score": self.dtype, "weight": "float32"}
            | {"group": "int64"}
        )
        with tf.init_scope():
            self._invalid = tf.Variable(False, trainable=False)
            self._shown = tf.Variable(float("nan"), trainable=False)
            self._shown_count = tf.Variable(0, trainable=False, dtype=tf.int64)

    def update_state(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        group: Tensor | None = None,
    ) -> None:
        """Adds a batch.

        Args:
            y_true: Labels 0 or 1, of any shape.
            y_pred: As many logits (or probabilities).
            sample_weight: Nothing, one number, or as many weights.
            group: As many integers that say whose examples these are.

        Raises:
            InputError: `group` is missing or not integer, or sizes differ.
        """
        labels, logits, weights = read_examples(
            y_true,
            y_pred,
            sample_weight,
            from_logits=self.from_logits,
            dtype=self.dtype,
        )
        groups = _read_groups(group, labels)
        _refuse_replicas()
        one = tf.equal(labels, 1.0)
        binary = tf.logical_or(one, tf.equal(labels, 0.0))
        wrong = tf.math.is_nan(logits) | tf.math.is_nan(weights) | ~binary
        self._invalid.assign(tf.logical_or(self._invalid, tf.reduce_any(wrong)))
        # Rows without weight and wrong ones are not kept.
        keep = tf.logical_and(tf.not_equal(weights, 0.0), ~wrong)
        self._examples.append(
            label=tf.boolean_mask(one, keep),
            score=tf.boolean_mask(logits, keep),
            weight=tf.cast(tf.boolean_mask(weights, keep), "float32"),
            group=tf.boolean_mask(groups, keep),
        )

    def result(self) -> Tensor:
        """The exact mean over all groups so far, a scalar."""
        examples = self._examples.read()
        mean = tf.cond(
            tf.size(examples["label"]) > 0,
            lambda: _mean_area(**examples),
            lambda: tf.constant(float("nan"), tf.float64),
        )
        mean = tf.where(self._invalid, tf.constant(float("nan"), tf.float64), mean)
        return tf.cast(mean, self.dtype)

    def running_result(self) -> Tensor:
        """A recent result, for progress bars: renewed when examples have doubled.

        Reporting it after each of many batches costs no more than a few results.
        """
        renew = self._examples.count >= tf.maximum(
            2 * self._shown_count, tf.constant(1, tf.int64)
        )
        return tf.cast(tf.cond(renew, self._renew, self._shown.read_value), self.dtype)

    def reset_state(self) -> None:
        self._examples.clear()
        self._invalid.assign(False)
        self._shown.assign(float("nan"))
        self._shown_count.assign(0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}

    def _renew(self) -> Tensor:
        self._shown_count.assign(self._examples.count)
        return self._shown.assign(tf.cast(self.result(), "float32")).read_value()


def _mean_area(label: Tensor, score: Tensor, weight: Tensor, group: Tensor) -> Tensor:
    """Sorts by group and score, then counts the negatives that positives beat.

    A positive beats the negatives before its block of ties, and half of those in
    the block: the mean of the running negatives at both ends of the block.
    """
    order = tf.argsort(score)
    order = tf.gather(order, tf.argsort(tf.gather(group, order), stable=True))
    score, group = tf.gather(score, order), tf.gather(group, order)
    # float64 keeps running sums of integer weights exact.
    weights = tf.cast(tf.gather(weight, order), tf.float64)
    positive = weights * tf.cast(tf.gather(label, order), tf.float64)
    negative = weights - positive

    new_group = _differs_from_previous(group)
    segment = tf.cumsum(tf.cast(new_group, tf.int32)) - 1
    new_block = tf.logical_or(new_group, _differs_from_previous(score))
    block = tf.cumsum(tf.cast(new_block, tf.int32)) - 1

    before_block = tf.cumsum(tf.math.segment_sum(negative, block), exclusive=True)
    in_block = tf.math.segment_sum(negative, block)
    before_group = tf.cumsum(tf.math.segment_sum(negative, segment), exclusive=True)
    beaten = tf.gather(before_block + in_block / 2, block)
    won = tf.math.segment_sum(
        positive * (beaten - tf.gather(before_group, segment)), segment
    )
    positives = tf.math.segment_sum(positive, segment)
    negatives = tf.math.segment_sum(negative, segment)
    area = tf.math.divide_no_nan(won, positives * negatives)
    both = tf.cast(positives * negatives > 0, tf.float64)
    impressions = both * tf.math.segment_sum(weights, segment)
    # 0 / 0 where no group has both classes: NaN, as documented.
    return tf.reduce_sum(area * impressions) / tf.reduce_sum(impressions)


def _differs_from_previous(values: Tensor) -> Tensor:
    return tf.concat([[True], values[1:] != values[:-1]], axis=0)


def _read_groups(group: Tensor | None, labels: Tensor) -> Tensor:
    if group is None:
        raise InputError(
            "group",
            received="nothing",
            expected="one integer for each label",
            hint='Models of tfctr pass `x["group_id"]`; the data has to hold it.',
        )
    groups = tf.reshape(tf.convert_to_tensor(group), [-1])
    if not groups.dtype.is_integer:
        raise InputError(
            "group", received=f"dtype {groups.dtype.name}", expected="integers"
        )
    size, expected = groups.shape[0], labels.shape[0]
    if size is not None and expected is not None and size != expected:
        raise InputError(
            "group",
            received=f"{size} values",
            expected=f"{expected}, one for each label",
        )
    return tf.cast(groups, tf.int64)


def _refuse_replicas() -> None:
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1:
        raise InputError(
            "GroupedAUC",
            received=f"{replicas} replicas",
            expected="one: its examples cannot be summed over replicas",
            hint="Measure it in `tfctr.evaluation` after training.",
        )
