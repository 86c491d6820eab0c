"""A small model with the signatures of the contract, and its formulas in numpy."""

from pathlib import Path

import numpy as np
import tensorflow as tf

NUM_ITEMS, HISTORY, TOP_K = 12, 3, 4
ITEMS = [f"i{n}" for n in range(NUM_ITEMS)]
# Chosen by hand; i3 and i7 are equal, so that ties show.
QUALITY = np.array([5, 1, 9, 4, 8, 2, 11, 4, 0, 3, 6, 7], "float32")
PRICE = np.array([1, 7, 3, 2, 9, 4, 1, 2, 8, 5, 6, 0.5], "float32")

USER = [
    tf.TensorSpec([None], tf.string, "user_id"),
    tf.TensorSpec([None], tf.float32, "age"),
    tf.TensorSpec([None, HISTORY], tf.string, "history_item_id"),
]
IDS = tf.TensorSpec([None, None], tf.string, "item_id")
PRICES = tf.TensorSpec([None, None], tf.float32, "price")
X = tf.TensorSpec([None], tf.float32, "x")


def pre_scores(history: list[str], ids: list[str]) -> np.ndarray:
    """Quality, and a tenth more for each time the item is in the history."""
    quality = np.array([QUALITY[ITEMS.index(i)] if i in ITEMS else 0 for i in ids])
    return quality + 0.1 * np.array([history.count(i) for i in ids])


def click(age: float, prices: np.ndarray) -> np.ndarray:
    """A missing age counts as zero."""
    logits = np.asarray(prices) / 4 - np.nan_to_num(age) / 10
    return 1 / (1 + np.exp(-logits))


class SmallModel(tf.Module):
    """Adds `offset` to the outputs of `plus`, so that versions can be told apart."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset = tf.Variable(offset)
        self.quality = self._table(QUALITY)
        self.price = self._table(PRICE)

    def _table(self, values: np.ndarray) -> tf.lookup.StaticHashTable:
        pairs = tf.lookup.KeyValueTensorInitializer(ITEMS, values)
        return tf.lookup.StaticHashTable(pairs, 0.0)

    @tf.function(input_signature=[*USER, IDS])
    def pre_ranking(self, user_id, age, history_item_id, item_id):
        seen = item_id[:, :, None] == history_item_id[:, None, :]
        score = self.quality.lookup(item_id)
        score += 0.1 * tf.reduce_sum(tf.cast(seen, tf.float32), -1)
        top = tf.math.top_k(score, tf.minimum(TOP_K, tf.shape(item_id)[1]))
        ids = tf.gather(item_id, top.indices, batch_dims=1)
        return {
            "score": score,
            "top_item_id": ids,
            "top_score": top.values,
            "top_index": top.indices,
        }

    @tf.function(input_signature=[*USER, IDS, PRICES])
    def ranking(self, user_id, age, history_item_id, item_id, price):
        age = tf.where(tf.math.is_nan(age), 0.0, age)
        clicks = tf.sigmoid(price / 4 - age[:, None] / 10)
        return {"click": clicks, "buy": clicks / 2, "score": clicks * 3}

    @tf.function(input_signature=[*USER, IDS])
    def ranking_by_id(self, user_id, age, history_item_id, item_id):
        price = self.price.lookup(item_id)
        return self.ranking(user_id, age, history_item_id, item_id, price)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serving_default(self, examples):
        spec = {"age": tf.io.FixedLenFeature([], tf.float32)}
        return {"click": tf.sigmoid(-tf.io.parse_example(examples, spec)["age"] / 10)}

    @tf.function(input_signature=[X])
    def plus(self, x):
        tf.debugging.assert_non_negative(x, message="x is negative")
        return {"y": x + self.offset, "text": tf.strings.as_string(x)}

    @tf.function(input_signature=[X])
    def total(self, x):
        return {"sum": tf.reduce_sum(x)}


def save(folder: Path, offset: float = 0.0, *, by_id: bool = True) -> None:
    """Writes one version with all signatures."""
    model = SmallModel(offset)
    names = ["pre_ranking", "ranking", "serving_default", "plus", "total"]
    names += ["ranking_by_id"] if by_id else []
    signatures = {name: getattr(model, name) for name in names}
    tf.saved_model.save(model, str(folder), signatures)
