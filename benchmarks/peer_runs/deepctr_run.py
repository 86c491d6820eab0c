"""DeepCTR, as its examples use it: a dict of numpy columns and `fit`.

`tf.keras` is Keras 3, or Keras 2 with `TF_USE_LEGACY_KERAS=1`.
"""

import numpy as np
import tensorflow as tf
from deepctr.feature_column import SparseFeat, VarLenSparseFeat
from deepctr.models import DIN, DeepFM

from peer_runs.keras_clock import clock_callback, set_threads
from peer_runs.measure import Case, StepClock, Trainee, run_case
from peer_runs.workloads import Arrays, Workload


def features(arrays: Arrays) -> dict[str, np.ndarray]:
    """The columns by DeepCTR's names: a history is `hist_` and the field's name."""
    columns = arrays.columns
    if "history" in columns:
        columns["hist_field_00"] = columns.pop("history")
        columns["history_length"] = arrays.history_lengths
    return columns


def model_of(workload: Workload) -> tf.keras.Model:
    """DeepFM or DIN without regularisation, ReLU in the attention (Dice is slower)."""
    size = workload.values + 1
    columns = [
        SparseFeat(
            name,
            size,
            workload.dim,
            embeddings_initializer=tf.keras.initializers.RandomNormal(
                stddev=workload.deviation, seed=workload.seed + place
            ),
        )
        for place, name in enumerate(workload.field_names)
    ]
    if workload.model == "deepfm":
        return DeepFM(
            columns,
            columns,
            dnn_hidden_units=workload.hidden_units,
            l2_reg_linear=0,
            l2_reg_embedding=0,
            l2_reg_dnn=0,
            seed=workload.seed,
        )
    event = SparseFeat(
        "hist_field_00", size, workload.dim, embedding_name=workload.field_names[0]
    )
    history = VarLenSparseFeat(event, workload.history, length_name="history_length")
    return DIN(
        [*columns, history],
        workload.field_names[:1],
        dnn_hidden_units=workload.hidden_units,
        att_hidden_size=workload.attention_units,
        att_activation="relu",
        l2_reg_dnn=0,
        l2_reg_embedding=0,
        seed=workload.seed,
    )


def make(case: Case, parts: dict[str, Arrays]) -> Trainee:
    set_threads(case.threads)
    workload = case.workload
    tf.keras.utils.set_random_seed(workload.seed)
    model = model_of(workload)
    model.compile(
        tf.keras.optimizers.Adam(workload.learning_rate), "binary_crossentropy"
    )
    inputs = {part: features(arrays) for part, arrays in parts.items()}

    def fit(clock: StepClock) -> None:
        model.fit(
            inputs["train"],
            parts["train"].label,
            batch_size=workload.batch_size,
            epochs=1,
            verbose=0,
            callbacks=[clock_callback(tf.keras.callbacks.Callback, clock)],
        )

    def predict(part: str) -> np.ndarray:
        return model.predict(inputs[part], batch_size=workload.batch_size, verbose=0)

    return Trainee(fit, predict)


if __name__ == "__main__":
    run_case(make, ("deepctr", "tensorflow", "keras", "tf-keras"))
