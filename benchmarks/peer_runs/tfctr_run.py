"""tfctr, through its public names only."""

from typing import Any

import keras
import numpy as np

from peer_runs.keras_clock import clock_callback, set_threads
from peer_runs.measure import Case, StepClock, Trainee, run_case
from peer_runs.workloads import Arrays, Workload
from tfctr import kernels, models, native, optimizers
from tfctr.data.batches import batched
from tfctr.features import Categorical, FeatureSchema, Label, Sequence, Vocabulary
from tfctr.features.packing import pack


def schema_of(workload: Workload) -> FeatureSchema:
    """Fields with hashed vocabularies, so that a table has `values + 1` rows."""
    item, user, *context = [Categorical(name) for name in workload.field_names]
    history = Sequence("history", features=(item,), max_length=max(workload.history, 1))
    return FeatureSchema(
        user=(user,),
        item=(item,),
        context=context,
        sequences=(history,) if workload.history else (),
        labels=(Label("label"),),
        user_id=user.name,
        item_id=item.name,
        vocabularies=[
            Vocabulary(name, num_hash_buckets=workload.values)
            for name in workload.field_names
        ],
    )


def encoded(schema: FeatureSchema, arrays: Arrays) -> dict[str, np.ndarray]:
    """The ids as the packed input of a model."""
    columns = arrays.columns
    if "history" in columns:
        columns["history_field_00"] = columns.pop("history")
    columns["group_id"] = columns[schema.user_id].astype("int64")
    return pack(schema, columns)


def made(case: Case, parts: dict[str, Arrays]) -> tuple[Any, dict[str, Any], Any]:
    """The compiled model, its packed inputs by part, and the shuffled batches."""
    set_threads(case.threads)
    if not case.arguments.get("compiled", True):
        kernels.is_compiled = lambda *_: False  # as where nobody compiled them
    elif not native.is_loaded():
        raise SystemExit("the kernels are not compiled: `tfctr kernels`")
    workload, schema = case.workload, schema_of(case.workload)
    keras.utils.set_random_seed(workload.seed)
    arguments: dict[str, Any] = {
        "dim": workload.dim,
        "hidden_units": workload.hidden_units,
    }
    if workload.model == "din":
        arguments["attention_units"] = workload.attention_units
    cls = {"deepfm": models.DeepFM, "din": models.DIN}[workload.model]
    model = cls(schema, **arguments)
    model.build()  # here, as the peers' models are: outside of what `fit` is timed for
    model.compile(
        optimizer=optimizers.default(workload.learning_rate), weighted_metrics=[]
    )
    inputs = {part: encoded(schema, arrays) for part, arrays in parts.items()}
    train = batched(
        (inputs["train"], {"label": parts["train"].label}),
        workload.batch_size,
        shuffle=True,
    )
    return model, inputs, train


def make(case: Case, parts: dict[str, Arrays]) -> Trainee:
    """`DeepFM` or `DIN`, fed by shuffled batches of the packed form."""
    model, inputs, train = made(case, parts)

    def fit(clock: StepClock) -> None:
        callback = clock_callback(keras.callbacks.Callback, clock)
        model.fit(train, epochs=1, verbose=0, callbacks=[callback])

    def predict(part: str) -> np.ndarray:
        scores = model.predict(
            inputs[part], batch_size=case.workload.batch_size, verbose=0
        )
        return scores["label"]

    return Trainee(fit, predict)


if __name__ == "__main__":
    run_case(make, ("tfctr", "tensorflow", "keras"))
