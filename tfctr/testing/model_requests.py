"""Laws of models about requests: one user, many candidates."""

import numpy as np

from tfctr.testing.model_case import ModelCase
from tfctr.testing.verdicts import as_arrays, require, require_close

__all__ = [
    "check_candidates_are_independent",
    "check_no_candidates",
    "check_request_form",
    "check_stored_items",
]

NUM_CANDIDATES = 5


def check_request_form(case: ModelCase) -> None:
    """`encode_user` and `score` give what the model gives for each pair."""
    model = case.make(perturbed=True)
    items = case.candidates(model, NUM_CANDIDATES)
    rows = len(next(iter(items.values())))
    pairs = {
        name: np.repeat(value, NUM_CANDIDATES, axis=0)
        for name, value in case.user_inputs(model).items()
    } | {name: value.reshape(-1, *value.shape[2:]) for name, value in items.items()}
    pointwise = {
        name: logits.reshape(rows, NUM_CANDIDATES)
        for name, logits in as_arrays(model(pairs)).items()
    }
    require_close(
        model.score(model.encode_user(case.user_inputs(model)), items),
        pointwise,
        "`encode_user` and `score` equal the pointwise model",
        rtol=0,
        atol=case.tolerance,
    )


def check_candidates_are_independent(case: ModelCase) -> None:
    """A candidate's score does not depend on the other candidates or their order."""
    law = "a candidate's score does not depend on the other candidates"
    model = case.make(perturbed=True)
    items = case.candidates(model, NUM_CANDIDATES)
    state = model.encode_user(case.user_inputs(model))
    expected = as_arrays(model.score(state, items))
    for picked in (np.array([2]), np.array([4, 0, 2]), np.arange(5)[::-1]):
        require_close(
            model.score(state, {name: v[:, picked] for name, v in items.items()}),
            {name: logits[:, picked] for name, logits in expected.items()},
            law,
            atol=case.tolerance,
        )


def check_no_candidates(case: ModelCase) -> None:
    """No candidates give logits `(batch, 0)`."""
    law = "no candidates give logits of shape (batch, 0)"
    model = case.make(perturbed=True)
    items = {n: v[:, :0] for n, v in case.candidates(model, 1).items()}
    try:
        scores = model.score(model.encode_user(case.user_inputs(model)), items)
    except (ValueError, ArithmeticError) as error:
        require(False, law, f"It says: {error}")
    rows = len(next(iter(items.values())))
    for label, logits in scores.items():
        shape = tuple(logits.shape)
        require(shape == (rows, 0), law, f"`{label}` has shape {shape}.")


def check_stored_items(case: ModelCase) -> None:
    """A pre-ranking model scores stored items as it scores items."""
    model = case.make(perturbed=True)
    if not hasattr(model, "encode_items"):
        return
    items = case.candidates(model, NUM_CANDIDATES)
    rows = len(next(iter(items.values())))
    flat = {n: v.reshape(-1, *v.shape[2:]) for n, v in items.items()}
    stored = {
        name: np.asarray(value).reshape(rows, NUM_CANDIDATES, *value.shape[1:])
        for name, value in model.encode_items(flat).items()
    }
    state = model.encode_user(case.user_inputs(model))
    require_close(
        model.score_stored(state, stored),
        model.score(state, items),
        "`score_stored` of `encode_items` equals `score`",
        rtol=0,
        atol=case.tolerance,
    )
