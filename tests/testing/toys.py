"""A sound layer and sound models, in which tests plant faults."""

import math

import keras
from keras import ops

from tests.conformance.specimens import SCHEMA
from tfctr.layers import PooledEmbeddings
from tfctr.layers.embedding.pooled import joined
from tfctr.models import RankingModel
from tfctr.seeds import glorot


@keras.saving.register_keras_serializable("tests")
class DecayPooling(keras.layers.Layer):
    """Averages events with weights that halve as they age, one rate per channel."""

    def __init__(self, half_life, scale=1.0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.half_life = half_life
        self.scale = scale

    def build(self, events_shape, age_shape):
        self.log_half_life = self.add_weight(
            name="log_half_life",
            shape=(events_shape[-1],),
            initializer=keras.initializers.Constant(math.log(self.half_life)),
            autocast=False,
        )

    def call(self, events, age, events_mask=None):
        pooled = self.pool(events, ops.cast(age, "float32"), events_mask)
        return ops.cast(pooled, self.compute_dtype)

    def pool(self, events, age, events_mask):
        real = True if events_mask is None else ops.expand_dims(events_mask, -1)
        log_weights = -ops.expand_dims(age, -1) / ops.exp(self.log_half_life)
        weights = ops.softmax(ops.where(real, log_weights, -1e9), axis=1)
        weights = ops.where(real, weights, 0.0)
        return self.scale * ops.sum(weights * ops.cast(events, "float32"), axis=1)

    def compute_mask(self, *_, **__):
        """Ends the mask here."""

    def compute_output_shape(self, events_shape, age_shape):
        return (events_shape[0], events_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "half_life": self.half_life,
            "scale": self.scale,
        }


@keras.saving.register_keras_serializable("tests")
class ToyModel(RankingModel):
    """A linear model on concatenated embeddings."""

    def __init__(self, schema, *, seed=0, **kwargs):
        super().__init__(schema, seed=seed, **kwargs)
        self.embeddings = PooledEmbeddings(
            self.schema,
            4,
            stddev=0.1,
            seed=seed,
            dtype=self.dtype_policy,
            name="embeddings",
        )
        self.output_layer = keras.layers.Dense(
            len(self.schema.labels),
            kernel_initializer=glorot(seed, "output"),
            dtype="float32",
            name="output",
        )

    def embed(self, inputs, training=False):
        return self.embeddings.sides(inputs, "fields")

    def interact(self, embedded, training=False):
        fields = joined(embedded, "fields")
        return self.output_layer(ops.reshape(fields, (-1, fields.shape[1] * 4)))


def toy_factory(cls):
    """Makes `cls` on the schema of the specimens."""

    def make(**kwargs):
        return cls(SCHEMA, **kwargs)

    return make
