"""Laws of models about rows and what they hold."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfctr.testing.model_case import USER_ROLES, ModelCase
from tfctr.testing.verdicts import as_arrays, require, require_close, require_finite

__all__ = [
    "check_only_features_are_needed",
    "check_outputs",
    "check_padding",
    "check_permutation",
    "check_rows_are_independent",
    "check_unknown_ids",
]

MISSING_TIME = -1


def check_outputs(case: ModelCase) -> None:
    """Outputs are a dict label -> float32 logits `(batch,)`."""
    law = "outputs are a dict label -> float32 logits (batch,)"
    model = case.make(perturbed=True)
    outputs = model(case.x)
    labels = [label.name for label in model.schema.labels]
    require(isinstance(outputs, dict), law, f"The output is a {type(outputs)}.")
    require(list(outputs) == labels, law, f"The keys are {list(outputs)}.")
    rows = len(next(iter(case.x.values())))
    for label, logits in outputs.items():
        shape = tuple(logits.shape)
        require(shape == (rows,), law, f"`{label}` has shape {shape}.")
        dtype = keras.backend.standardize_dtype(logits.dtype)
        require(dtype == "float32", law, f"`{label}` is {dtype}.")
    require_finite(outputs, law)
    values = np.concatenate([np.asarray(v) for v in outputs.values()])
    bounded = values.min() >= 0 and values.max() <= 1
    require(not bounded, law, "All values lie in [0, 1], as probabilities do.")


def check_only_features_are_needed(case: ModelCase) -> None:
    """Features suffice: no label, weight or group is needed to predict."""
    law = "features are all that a prediction needs, and uses"
    model = case.make(perturbed=True)
    names = case.names(model, (*USER_ROLES, "item"))
    features = {name: case.x[name] for name in names}
    expected = as_arrays(model(case.x))
    try:
        outputs = model(features)
    except (KeyError, ValueError) as error:
        require(False, law, f"Without other inputs it says: {error}")
    require_close(outputs, expected, law, atol=case.tolerance)
    others = {name: v[::-1] for name, v in case.x.items() if name not in names}
    labels = {**others, **{name: 1 - v for name, v in case.y.items()}}
    require_close(model({**features, **labels}), expected, law, atol=case.tolerance)


def check_permutation(case: ModelCase) -> None:
    """Permuting examples permutes outputs."""
    model = case.make(perturbed=True)
    expected = as_arrays(model(case.x))
    rows = len(next(iter(case.x.values())))
    order = np.random.default_rng(0).permutation(rows)
    require_close(
        model({name: values[order] for name, values in case.x.items()}),
        {name: values[order] for name, values in expected.items()},
        "permuting examples permutes outputs",
        atol=case.tolerance,
    )


def check_rows_are_independent(case: ModelCase) -> None:
    """A row's logits do not depend on other rows, nor on there being any."""
    model = case.make(perturbed=True)
    expected = as_arrays(model(case.x))
    rows = len(next(iter(case.x.values())))
    for row in (0, rows // 2):
        require_close(
            model({name: values[row : row + 1] for name, values in case.x.items()}),
            {name: values[row : row + 1] for name, values in expected.items()},
            "a row alone gives what it gives among others",
            atol=case.tolerance,
        )
    others = {n: np.concatenate([v[:1], v[:0:-1][:5]]) for n, v in case.x.items()}
    require_close(
        {name: logits[:1] for name, logits in model(others).items()},
        {name: logits[:1] for name, logits in expected.items()},
        "a row does not depend on the other rows",
        atol=case.tolerance,
    )


def check_unknown_ids(case: ModelCase) -> None:
    """Missing (0) and unknown (1) ids, in every feature, give finite logits."""
    model = case.make(perturbed=True)
    for kind, value in (("missing", 0), ("unknown", 1)):
        inputs = {
            name: np.full_like(values, value if values.dtype.kind == "i" else 0)
            for name, values in case.x.items()
        }
        require_finite(model(inputs), f"{kind} ids give finite logits")


def check_padding(case: ModelCase) -> None:
    """A history made longer with missing events gives the same scores."""
    model = case.make(perturbed=True)
    for sequence in model.schema.sequences:
        names = [
            column.name
            for column in model.schema.encoded_columns(("sequence",))
            if column.sequence.name == sequence.name
        ]
        length = case.x[names[0]].shape[1]
        kept = length - max(1, length // 3)
        short = {n: v[:, :kept] if n in names else v for n, v in case.x.items()}
        long = {n: _pad(v, length) if n in names else v for n, v in short.items()}
        require_close(
            model(long),
            model(short),
            f"missing events at the end of `{sequence.name}` change nothing",
            atol=case.tolerance,
        )


def _pad(values: NDArray[Any], length: int) -> NDArray[Any]:
    missing = MISSING_TIME if values.dtype == np.int64 else 0
    widths = [(0, 0), (0, length - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
    return np.pad(values, widths, constant_values=missing)
