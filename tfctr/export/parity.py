"""Whether an exported model answers as the model in memory does."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.features import SchemaState, frame_to_arrays, to_examples
from tfctr.models import RankingModel

__all__ = ["largest_difference"]


def largest_difference(
    path: str | Path, model: RankingModel, state: SchemaState, frame: Any
) -> float:
    """Largest difference of probabilities, exported against in memory.

    Args:
        path: Folder of a SavedModel that `save` wrote.
        model: Its ranking head, in memory.
        state: What was learnt.
        frame: A `pandas.DataFrame` of raw examples.

    Returns:
        `max |exported - in memory|` over rows and labels, through raw features.
    """
    raw = {
        name: tf.constant(values, tf.string if values.dtype == object else None)
        for name, values in frame_to_arrays(state.schema, frame).items()
    }
    expected = model.predict(state.encode(raw), verbose=0)
    names = [column.name for column in state.schema.raw_columns()]
    records = frame[names].to_dict("records")
    examples = [e.SerializeToString() for e in to_examples(state.schema, records)]
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    answers = serve(examples=tf.constant(examples))
    expected = model.predictions(expected)
    return max(
        float(np.max(np.abs(answers[name] - expected[name])))
        for name in model.label_names
    )
