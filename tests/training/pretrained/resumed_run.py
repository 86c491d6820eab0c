"""A stage one that can be killed; `resuming_test.py` runs it in a process of its own.

    python resumed_run.py FOLDER

Learns small tables in many steps with random negatives and counted logQ, with
checkpoints in FOLDER, and writes the tables into FOLDER/tables.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from tfctr import optimizers
from tfctr.features import Categorical, FeatureSchema, Label
from tfctr.models import IDPretraining
from tfctr.training import ResumableTraining
from tfctr.training.pretrained import read_positives, write_pretrained

SCHEMA = FeatureSchema(
    user=[Categorical("user")],
    item=[Categorical("item")],
    labels=[Label("click")],
    user_id="user",
    item_id="item",
)
EPOCHS, EVERY, BATCH_SIZE, ROWS = 4, 5, 16, 400


def positives_frame() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    users, items = rng.integers(0, 40, ROWS), rng.integers(0, 30, ROWS)
    return pd.DataFrame(
        {
            "user": [f"u{k}" for k in users],
            "item": [f"i{k}" for k in items],
            "at": np.arange(ROWS),
            "click": 1.0,
        }
    )


def main(folder: str) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    state = SCHEMA.fit(positives_frame())
    model = IDPretraining(
        state.schema, dim=4, num_random_negatives=7, logq="streaming", seed=3
    )
    model.compile(optimizers.LazyAdam(0.02))
    positives = read_positives(
        {"home": positives_frame()}, state, model.needed, time="at"
    )
    reader = positives.reader(state, BATCH_SIZE, seed=5)
    resume = ResumableTraining(Path(folder) / "checkpoints", reader, every=EVERY)
    model.fit(reader.dataset(), epochs=EPOCHS, callbacks=[resume], verbose=2)
    window = positives.window
    write_pretrained(model, state, Path(folder) / "tables", window=window)


if __name__ == "__main__":
    main(*sys.argv[1:])
