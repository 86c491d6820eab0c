"""A deployment of the made-up shop, and requests to it."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tests.features.shop import SCHEMA, shop_frame, shop_items, small_schema
from tests.models.data import SMALL
from tfctr import export, models
from tfctr.features import Categorical, FeatureSchema, SchemaState, frame_to_arrays

USER_ROLES = ("user", "context", "sequence")
SCORE = {"click": 0.5, "buy": 2.0}
TOP_K = 4


@dataclass(frozen=True)
class Deployment:
    """An exported pair of models and what they were made of."""

    path: Path
    ranking: Any
    pre_ranking: Any
    state: SchemaState
    items: pd.DataFrame

    def ask(self, name: str, **inputs: Any) -> dict[str, np.ndarray]:
        """The answer of a signature."""
        signature = self.signatures[name]
        specs = signature.structured_input_signature[1]
        tensors = {n: tf.constant(v, specs[n].dtype) for n, v in inputs.items()}
        return {n: v.numpy() for n, v in signature(**tensors).items()}

    @property
    def signatures(self) -> Any:
        return self._loaded().signatures

    def _loaded(self) -> Any:
        if "loaded" not in self.__dict__:
            loaded = tf.saved_model.load(str(self.path))
            object.__setattr__(self, "loaded", loaded)
        return self.__dict__["loaded"]


def random_model(name: str, state: SchemaState, **kwargs: Any) -> Any:
    """A model whose weights are all random, so that every input matters."""
    model = models.get(name)(state.schema, **{**SMALL[name], **kwargs})
    model.build()
    rng = np.random.default_rng(11)
    for weight in model.trainable_variables:
        weight.assign(np.asarray(weight) + rng.normal(scale=0.2, size=weight.shape))
    return model


def deploy(folder: Path) -> Deployment:
    """Exports a DIN and a two-tower model."""
    # Learnt on little, so that later rows hold unknown users and items.
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    heads = {
        "ranking": random_model("DIN", state),
        "pre_ranking": random_model("TwoTower", state),
    }
    items = shop_items(10)
    path = export.save(
        folder, **heads, state=state, items=items, top_k=TOP_K, score=SCORE
    )
    return Deployment(path, **heads, state=state, items=items)


def small_parts(**changes: Any) -> dict[str, Any]:
    """What `export.save` needs, for a schema of users and items alone."""
    schema = small_schema(**changes)
    item = schema.column("item_id")
    ids = [f"i{k}" for k in range(5)] if item.dtype == "string" else [3, 1, 4, 15, 9]
    frame = pd.DataFrame({"user_id": ["a", "b", "a", "c", "d"], "item_id": ids})
    state = schema.fit(frame)
    return {
        "ranking": random_model("LogisticRegression", state),
        "state": state,
        "items": frame[["item_id"]].assign(title=[f"Title {k}" for k in range(5)]),
    }


def widened(schema: FeatureSchema, factor: int) -> FeatureSchema:
    """The schema with room for longer histories and lists."""

    def wide(feature: Any) -> Any:
        if isinstance(feature, Categorical) and feature.max_values is not None:
            return dataclasses.replace(feature, max_values=feature.max_values * factor)
        return feature

    return dataclasses.replace(
        schema,
        user=[wide(feature) for feature in schema.user],
        item=[wide(feature) for feature in schema.item],
        sequences=[
            dataclasses.replace(
                sequence,
                features=[wide(feature) for feature in sequence.features],
                max_length=sequence.max_length * factor,
            )
            for sequence in schema.sequences
        ],
    )


def user_inputs(frame: pd.DataFrame, schema: FeatureSchema = SCHEMA) -> dict[str, Any]:
    """Raw tensors of user, context and history, a request a row."""
    return frame_to_arrays(schema, frame, USER_ROLES)


def item_inputs(
    frame: pd.DataFrame, requests: int, schema: FeatureSchema = SCHEMA
) -> dict[str, Any]:
    """Raw item tensors, the rows dealt to the requests as candidates."""
    raw = frame_to_arrays(schema, frame, ["item"])
    return {n: v.reshape(requests, -1, *v.shape[1:]) for n, v in raw.items()}


def encoded(state: SchemaState, raw: dict[str, Any]) -> dict[str, Any]:
    """What models get, without the group."""
    tensors = {
        name: tf.constant(value, tf.string if value.dtype == object else None)
        for name, value in raw.items()
    }
    columns = state.encode(tensors)
    columns.pop("group_id", None)
    return columns


def probabilities(model: Any, user: dict[str, Any], items: dict[str, Any]) -> Any:
    """Label -> `(requests, candidates)` of encoded inputs, a pair at a time."""
    count = next(iter(items.values())).shape[1]
    pairs = {name: np.repeat(value, count, axis=0) for name, value in user.items()}
    for name, value in items.items():
        pairs[name] = np.reshape(value, (-1, *value.shape[2:]))
    return {
        name: 1 / (1 + np.exp(-np.asarray(logits, "float64").reshape(-1, count)))
        for name, logits in model(pairs).items()
    }
