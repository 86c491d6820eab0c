"""Two states of one small schema, a pretrained artifact, and a log to train on."""

import numpy as np
import pandas as pd

from tests.features.shop import small_schema
from tfctr.features import Categorical, SchemaState, Sequence, Vocabulary
from tfctr.models import IDPretraining
from tfctr.training.pretrained import Window, write_pretrained

HASHED = Vocabulary("user_id", num_hash_buckets=7, num_hashes=2, table="ids")
SCHEMA = small_schema(
    user=[Categorical("user_id"), Categorical("city")],
    sequences=[Sequence("history", (Categorical("item_id"),), max_length=3)],
    vocabularies=[HASHED, Vocabulary("item_id", num_oov=2)],
)
BEFORE = Window(0, 100)
AFTER = Window(100, 200)


def state_of(items=("a", "b", "c"), cities=("rome", "oslo"), schema=SCHEMA):
    return SchemaState(schema, {"item_id": items, "city": cities}, {})


OLD = state_of()
NEW = state_of(("c", "d", "a", "e", "f"), ("bern", "oslo", "rome", "lima"))


def pretrained_model(state=OLD, dim=4, **kwargs):
    model = IDPretraining(state.schema, dim=dim, **kwargs)
    model.build()
    table = model.embeddings.table.embeddings
    table.assign(np.random.default_rng(5).normal(size=table.shape))
    return model


def written(folder, window=BEFORE, **kwargs):
    """The folder of an artifact, and the model that is in it."""
    model = pretrained_model(**kwargs)
    write_pretrained(model, kwargs.get("state", OLD), folder, window=window)
    return folder, model


def rows_of(layer, key):
    start, stop = layer.tables[f"table_{key}"]
    return np.asarray(layer.table.embeddings)[start:stop]


def clicks(items="acdfdacaf", count=64):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "user_id": rng.choice(["u1", "u2", "u3"], count),
            "item_id": rng.choice(list(items), count),
            "history_item_id": [list(rng.choice(list(items), 2)) for _ in range(count)],
            "city": rng.choice(["rome", "oslo", ""], count),
            "click": np.arange(count) % 2.0,
        }
    )
