"""A training that can be killed; `resuming_test.py` runs it in processes of its own.

    python resumed_run.py DATA CHECKPOINTS LOG

Trains a small model with dropout and Adam, logs each batch it consumes, and at the end
the hash of all weights and slots with the history.
"""

import hashlib
import json
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from tfctr.data.reading import read_examples
from tfctr.features import Categorical, FeatureSchema, Label, Numeric
from tfctr.models import DeepFM
from tfctr.training import ResumableTraining

EPOCHS, BATCH_SIZE, EVERY = 3, 16, 7
SCHEMA = FeatureSchema(
    user=[Categorical("user_id")],
    item=[Categorical("item_id"), Numeric("price")],
    labels=[Label("click")],
    user_id="user_id",
    item_id="item_id",
)


def example_frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "user_id": [f"u{k}" for k in rng.integers(0, 30, 800)],
            "item_id": [f"i{k}" for k in rng.integers(0, 50, 800)],
            "price": rng.normal(size=800),
            "click": rng.integers(0, 2, 800).astype(float),
        }
    )


class Logged(DeepFM):
    """Appends what each step consumed to a file, at once."""

    log: Path

    def train_step(self, data):
        def note(ids):
            digest = hashlib.sha256(ids.tobytes()).hexdigest()[:12]
            with self.log.open("a") as file:
                file.write(f"{digest}\n")
            return np.int64(0)

        with tf.control_dependencies(
            [tf.numpy_function(note, [data[0]["item_id"]], tf.int64)]
        ):
            return super().train_step(data)


def main(data: str, checkpoints: str, log: str) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    state = SCHEMA.fit(example_frame())
    reader = read_examples(data, state, BATCH_SIZE, seed=4, shuffle_rows=100)
    valid = read_examples(data, state, 400, shuffle=False).dataset()
    model = Logged(state.schema, dim=4, hidden_units=[8], dropout=0.3, seed=1)
    model.log = Path(log)
    model.compile(keras.optimizers.Adam(0.01))
    stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    resume = ResumableTraining(checkpoints, reader, every=EVERY, callbacks=[stop])
    history = model.fit(
        reader.dataset(),
        validation_data=valid,
        epochs=EPOCHS,
        callbacks=[stop, resume],
        verbose=0,
    ).history
    digest = hashlib.sha256()
    for variable in [*model.variables, *model.optimizer.variables]:
        digest.update(variable.numpy().tobytes())
    result = {"weights": digest.hexdigest(), "history": history}
    Path(log).with_suffix(".json").write_text(json.dumps(result, default=float))


if __name__ == "__main__":
    main(*sys.argv[1:])
