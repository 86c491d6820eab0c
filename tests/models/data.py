"""Encoded rows of the made-up shop, for models of every kind."""

import numpy as np
import tensorflow as tf

from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr import models
from tfctr.features import Categorical, Label, Sequence, Timestamp
from tfctr.testing import make_batch

SIZED = SCHEMA.fit(shop_frame()).schema
# Training makes a graph; one of few features is made quickly.
PLAIN = small_schema(
    context=[Timestamp("time")],
    sequences=[
        Sequence("history", (Categorical("item_id"),), Timestamp("time"), max_length=3)
    ],
    timestamp="time",
    labels=[Label("click"), Label("buy", observed_if="click")],
).with_sizes({"user_id": 9, "item_id": 12})
USER_ROLES = ("user", "context", "sequence")
SMALL = {
    "LogisticRegression": {},
    "WDL": {"dim": 4, "hidden_units": (8,)},
    "PNN": {"dim": 4, "hidden_units": (8,)},
    "FiBiNET": {"dim": 4, "hidden_units": (8,), "reduction_ratio": 4},
    "DeepFM": {"dim": 4, "hidden_units": (8, 4)},
    "DCNv2": {"dim": 4, "hidden_units": (8,), "num_cross_layers": 2, "rank": 3},
    "xDeepFM": {"dim": 4, "hidden_units": (8,), "num_feature_maps": (3, 2)},
    "AutoInt": {
        "dim": 4,
        "hidden_units": (8,),
        "num_attention_layers": 2,
        "head_dim": 3,
    },
    "SharedBottom": {"dim": 4, "bottom_units": (8,), "hidden_units": (6,)},
    "ESMM": {"dim": 4, "hidden_units": (8,)},
    "MMoE": {
        "dim": 4,
        "num_experts": 3,
        "expert_units": (8,),
        "hidden_units": (6,),
    },
    "PLE": {
        "dim": 4,
        "num_task_experts": 1,
        "num_shared_experts": 2,
        "expert_units": (8,),
        "hidden_units": (6,),
    },
    "DHEN": {
        "dim": 4,
        "hidden_units": (8,),
        "layers": [
            [{"module": "mlp", "hidden_units": [6]}, "transformer"],
            [{"module": "mask", "units": 5}, "factorization"],
        ],
    },
    "DIN": {"dim": 4, "hidden_units": (8,), "attention_units": (5, 3)},
    "DiffMSIN": {
        "dim": 4,
        "attention_units": (5,),
        "hidden_units": (8,),
        "num_steps": 2,
        "num_heads": 2,
        "num_cross_layers": 1,
        "noise": False,
    },
    "ModalBaseline": {"dim": 4, "attention_units": (5,), "hidden_units": (8,)},
    "TLSI": {
        "dim": 4,
        "hidden_units": (8,),
        "settings": {"attention_units": (5, 3), "gate_units": (6,)},
    },
    **{
        name: {"dim": 8, "num_blocks": 1, "embedding_dim": 4, "hidden_units": (8,)}
        for name in ("DFGR", "HSTU", "MetaGR", "SASRec", "SFGR")
    },
    "DIEN": {"dim": 4, "hidden_units": (8,)},
    "NARM": {"dim": 4, "hidden_units": (8,), "attention_units": 3},
    "LSTMPlusPlus": {
        "dim": 4,
        "hidden_units": (8,),
        "query_units": 3,
        "gate_units": (5,),
    },
    "TimeLSTM": {"dim": 4, "hidden_units": (8,)},
    "SLiRec": {
        "dim": 4,
        "hidden_units": (8,),
        "attention_units": (5,),
        "query_units": 3,
        "gate_units": (5,),
    },
    "TARQ": {
        "dim": 4,
        "hidden_units": (8,),
        "settings": {
            "num_levels": 2,
            "num_codes": 3,
            "code_dim": 5,
            "attention_dim": 6,
            "num_heads": 2,
            "vector_dim": 7,
            "teacher_units": (5,),
        },
    },
    "TwoTower": {"dim": 4, "hidden_units": (8,), "vector_dim": 5},
    "VectorProduct": {"dim": 4, "hidden_units": (8,), "vector_dim": 5},
    "COLD": {"dim": 4, "hidden_units": (8, 4)},
    "StoredTargetAttention": {
        "dim": 4,
        "attention_dim": 6,
        "num_heads": 2,
        "hidden_units": (8, 4),
    },
}


def rows(size, seed=0, schema=SIZED):
    """Inputs, labels, and weights that leave `buy` out where there was no click."""
    x, y = make_batch(schema, size, seed=seed)
    x["group_id"] = np.random.default_rng(seed).integers(0, 6, size)
    weights = {"click": np.ones(size, "float32"), "buy": y["click"].copy()}
    weights["buy"] *= (
        np.random.default_rng(seed).uniform(0.5, 2, size).astype("float32")
    )
    return x, y, weights


def made(name, schema=SIZED, **kwargs):
    """A small model with weights that are all random, biases too."""
    model = models.get(name)(schema, **{**SMALL[name], **kwargs})
    model.build()
    rng = np.random.default_rng(7)
    for weight in model.trainable_variables:
        noise = rng.normal(scale=0.3, size=weight.shape)
        weight.assign(np.asarray(weight, "float32") + noise)
    return model


def part(x, roles, schema=SIZED):
    """Inputs of the given roles."""
    return {c.name: x[c.name] for c in schema.encoded_columns(roles)}


def candidates(x, count, schema=SIZED):
    """For each row its own item, then those of the next rows."""
    size = len(x[schema.item_id])
    picked = (np.arange(size)[:, None] + np.arange(count)) % size
    return {name: v[picked] for name, v in part(x, ["item"], schema).items()}


def pairs(x, items, schema=SIZED):
    """Each row with each of its candidates, as a pointwise batch."""
    count = next(iter(items.values())).shape[1]
    user = part(x, USER_ROLES, schema)
    return {
        **{name: np.repeat(value, count, axis=0) for name, value in user.items()},
        **{name: v.reshape(-1, *v.shape[2:]) for name, v in items.items()},
    }


def batches(size, data):
    """A `tf.data.Dataset` of arrays."""
    return tf.data.Dataset.from_tensor_slices(data).batch(size)
