"""Models that break one law each, with the law and what it says of them."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tests.testing.toys import ToyModel
from tfctr.models import TwoTower
from tfctr.testing import model_files, model_requests, model_rows, model_training

__all__ = ["FAULTS"]

# Faults of outputs and rows ----------------------------------------------------


class Probabilities(ToyModel):
    def _by_label(self, logits):
        return {n: ops.sigmoid(v) for n, v in super()._by_label(logits).items()}


class Columns(ToyModel):
    def call(self, inputs, training=False):
        outputs = super().call(inputs, training)
        return {name: logits[:, None] for name, logits in outputs.items()}


class OneTensor(ToyModel):
    def call(self, inputs, training=False):
        return super().call(inputs, training)["click"]


class WrongLabels(ToyModel):
    def call(self, inputs, training=False):
        return {f"{n}_logit": v for n, v in super().call(inputs, training).items()}


class HalfLogits(ToyModel):
    def _by_label(self, logits):
        outputs = super()._by_label(logits)
        return {name: ops.cast(v, "bfloat16") for name, v in outputs.items()}


class NeedsTheGroup(ToyModel):
    def call(self, inputs, training=False):
        if self.built and "group_id" not in inputs:
            raise KeyError("group_id")
        return super().call(inputs, training)


class PeeksAtTheLabel(ToyModel):
    def call(self, inputs, training=False):
        outputs = super().call(inputs, training)
        if "click" in inputs:
            outputs["click"] = outputs["click"] + inputs["click"]
        return outputs


class CountsRows(ToyModel):
    def interact(self, embedded, training=False):
        logits = super().interact(embedded, training)
        return logits + ops.cumsum(ops.ones_like(logits), axis=0)


class CentresTheBatch(ToyModel):
    def interact(self, embedded, training=False):
        logits = super().interact(embedded, training)
        return logits - ops.mean(logits, axis=0, keepdims=True)


class LogarithmOfIds(ToyModel):
    def embed(self, inputs, training=False):
        embedded = super().embed(inputs, training)
        if "item_id" in inputs:
            size = ops.log(ops.cast(inputs["item_id"], "float32"))
            key = next(iter(embedded))
            embedded[key] = embedded[key] + 0 * size[:, None, None]
        return embedded


class AveragesPadding(ToyModel):
    def embed(self, inputs, training=False):
        embedded = super().embed(inputs, training)
        if "history_item_id" in inputs:
            length = inputs["history_item_id"].shape[1]
            key = next(iter(embedded))
            embedded[key] = embedded[key] / length
        return embedded


# Faults of configs and files ----------------------------------------------------


class LosesAKey(ToyModel):
    def get_config(self):
        return {k: v for k, v in super().get_config().items() if k != "seed"}


class NumbersItsLayers(ToyModel):
    def __init__(self, schema, *, seed=0, **kwargs):
        super().__init__(schema, seed=seed, **kwargs)
        self.output_layer = keras.layers.Dense(2, dtype="float32")  # without a name


class SchemaIsNoJson(ToyModel):
    def get_config(self):
        return {**super().get_config(), "schema": self.schema}


class WeightsOutsideFiles(ToyModel):
    def __init__(self, schema, *, seed=0, **kwargs):
        super().__init__(schema, seed=seed, **kwargs)
        self.offset = float(np.random.default_rng().normal())

    def interact(self, embedded, training=False):
        return super().interact(embedded, training) + self.offset


class GraphDiffers(ToyModel):
    def interact(self, embedded, training=False):
        in_graph = 0.0 if tf.executing_eagerly() else 1.0
        return super().interact(embedded, training) + in_graph


# Faults of the request form -----------------------------------------------------


class ScoresOtherwise(ToyModel):
    def score(self, state, items, training=False):
        scores = super().score(state, items, training)
        return {name: 1.1 * logits for name, logits in scores.items()}


class ComparesCandidates(ToyModel):
    def score(self, state, items, training=False):
        scores = super().score(state, items, training)
        return {n: v - ops.mean(v, axis=1, keepdims=True) for n, v in scores.items()}


class NeedsACandidate(ToyModel):
    def score(self, state, items, training=False):
        scores = super().score(state, items, training)
        if 0 in scores["click"].shape:
            raise ValueError("nothing to score")
        return scores


class StoresSomethingElse(TwoTower):
    def score_stored(self, state, stored):
        scores = super().score_stored(state, stored)
        return {name: logits + 0.01 for name, logits in scores.items()}

    def score(self, state, items, training=False):
        vectors = self.embed(items, training=training)["item"]
        return super().score_stored(state, {"vector": vectors})


# Faults of training -------------------------------------------------------------


class UnusedWeight(ToyModel):
    def __init__(self, schema, *, seed=0, **kwargs):
        super().__init__(schema, seed=seed, **kwargs)
        self.unused = self.add_weight(name="unused", shape=(2,))


class FrozenTables(ToyModel):
    def embed(self, inputs, training=False):
        embedded = super().embed(inputs, training)
        return {name: ops.stop_gradient(value) for name, value in embedded.items()}


class IgnoresTheSeed(ToyModel):
    def __init__(self, schema, *, seed=0, **kwargs):
        super().__init__(schema, seed=0, **kwargs)


class DrawsAnySeed(ToyModel):
    def __init__(self, schema, *, seed=0, **kwargs):
        seed = int(np.random.default_rng().integers(1e9))
        super().__init__(schema, seed=seed, **kwargs)


class LearnsNothing(ToyModel):
    def interact(self, embedded, training=False):
        logits = super().interact(embedded, training)
        return ops.stop_gradient(logits) + 0 * logits


class LeavesTheGraph(ToyModel):
    def interact(self, embedded, training=False):
        logits = super().interact(embedded, training)
        if tf.executing_eagerly() or isinstance(logits, keras.KerasTensor):
            return logits
        zero = tf.numpy_function(lambda v: v, [tf.zeros([])], tf.float32)
        return logits + tf.reshape(zero, [])


class RoundsTime(ToyModel):
    def interact(self, embedded, training=False):
        logits = super().interact(embedded, training)
        hour = ops.cast(ops.convert_to_tensor([1001.0]), self.compute_dtype)
        return logits + 100 * ops.cast(hour - 1000, "float32")


class HalfPrecisionWeights(ToyModel):
    def __init__(self, schema, *, seed=0, dtype=None, **kwargs):
        if dtype == "mixed_bfloat16":
            dtype = "bfloat16"
        super().__init__(schema, seed=seed, dtype=dtype, **kwargs)


class LossIgnoresWeights(ToyModel):
    def compute_loss(self, x=None, y=None, y_pred=None, *args, **kwargs):
        return super().compute_loss(x, y, y_pred)


FAULTS = [
    (Probabilities, model_rows.check_outputs, r"All values lie in \[0, 1\]"),
    (Columns, model_rows.check_outputs, r"`click` has shape \(32, 1\)"),
    (OneTensor, model_rows.check_outputs, "outputs are a dict label -> float32"),
    (WrongLabels, model_rows.check_outputs, "The keys are"),
    (HalfLogits, model_rows.check_outputs, "`click` is bfloat16"),
    (NeedsTheGroup, model_rows.check_only_features_are_needed, "group_id"),
    (PeeksAtTheLabel, model_rows.check_only_features_are_needed, "and uses"),
    (CountsRows, model_rows.check_permutation, "permuting examples permutes"),
    (CentresTheBatch, model_rows.check_rows_are_independent, "a row alone"),
    (LogarithmOfIds, model_rows.check_unknown_ids, "missing ids give finite"),
    (AveragesPadding, model_rows.check_padding, "end of `history` change nothing"),
    (NumbersItsLayers, model_files.check_model_config, "has the same weights"),
    (LosesAKey, model_files.check_model_config, r"lacks \['seed'\]"),
    (SchemaIsNoJson, model_files.check_model_config, "the config is JSON"),
    (IgnoresTheSeed, model_training.check_seeds, "another seed gives other"),
    (WeightsOutsideFiles, model_files.check_keras_file, "`.keras` file gives equal"),
    (GraphDiffers, model_files.check_saved_model, "a SavedModel gives equal"),
    (ScoresOtherwise, model_requests.check_request_form, "equal the pointwise"),
    (
        ComparesCandidates,
        model_requests.check_candidates_are_independent,
        "does not depend on the other candidates",
    ),
    (NeedsACandidate, model_requests.check_no_candidates, "nothing to score"),
    (StoresSomethingElse, model_requests.check_stored_items, "`score_stored`"),
    (UnusedWeight, model_training.check_gradients, "unused has no part"),
    (FrozenTables, model_training.check_gradients, "a gradient reaches every"),
    (DrawsAnySeed, model_training.check_seeds, "two fits with one seed agree"),
    (LearnsNothing, model_training.check_learns, "the loss falls in 60 steps"),
    (LeavesTheGraph, model_training.check_jit_compile, "runs and agrees"),
    (RoundsTime, model_training.check_mixed_precision, "are near the exact ones"),
    (HalfPrecisionWeights, model_training.check_mixed_precision, "is bfloat16"),
    (HalfLogits, model_training.check_mixed_precision, "logits of `click` are bf"),
    (LossIgnoresWeights, model_training.check_unobserved_labels, "have no say"),
]
