"""Laws of models."""

from collections.abc import Callable
from typing import Any

from tfctr.testing import model_files, model_requests, model_rows, model_training
from tfctr.testing.model_case import Arrays, ModelCase

__all__ = ["MODEL_LAWS", "ModelCase", "check_model"]

MODEL_LAWS: tuple[Callable[[ModelCase], None], ...] = (
    model_rows.check_outputs,
    model_rows.check_only_features_are_needed,
    model_rows.check_permutation,
    model_rows.check_rows_are_independent,
    model_rows.check_unknown_ids,
    model_rows.check_padding,
    model_files.check_model_config,
    model_files.check_keras_file,
    model_files.check_saved_model,
    model_requests.check_request_form,
    model_requests.check_candidates_are_independent,
    model_requests.check_no_candidates,
    model_requests.check_stored_items,
    model_training.check_gradients,
    model_training.check_unobserved_labels,
    model_training.check_seeds,
    model_training.check_learns,
    model_training.check_jit_compile,
    model_training.check_mixed_precision,
)


def check_model(
    factory: Callable[..., Any],
    x: Arrays,
    y: Arrays,
    sample_weight: Arrays | None = None,
    *,
    steps: int = 200,
    learning_rate: float = 0.01,
    tolerance: float = 1e-5,
) -> None:
    """Fails on the first law that the models of `factory` break.

    The laws, one function each in `MODEL_LAWS`: outputs are float32 logits by label;
    features suffice, no label or group is needed; rows are independent of each other,
    of their order and of the batch size; missing and unknown ids give finite logits;
    longer padding changes nothing; config, `.keras` file and SavedModel give the
    same model; the request form equals the pointwise one, each candidate on its own,
    also for none, also from stored items; every weight has a gradient; labels of
    zero weight have no say in loss and metrics; one seed gives one model; the loss
    falls; XLA agrees; mixed precision keeps weights and logits float32.

    Args:
        factory: Makes the model; takes `seed`, `dtype` and `name`, for example
            `functools.partial(tfctr.models.DeepFM, schema, dim=8)`. The model has
            `schema`, and `encode_user` and `score` (`tfctr.models.RankingModel`).
        x: Encoded inputs by name, at least 16 rows; see `make_batch`.
        y: Labels by name, that can be learnt from `x`.
        sample_weight: Weights by label, if any.
        steps: Number of steps in which the loss has to fall.
        learning_rate: Learning rate of Adam in those steps.
        tolerance: Largest difference of two logits that count as equal.

    Raises:
        AssertionError: A law is broken; its text says which.
    """
    case = ModelCase(factory, x, y, sample_weight, steps, learning_rate, tolerance)
    for law in MODEL_LAWS:
        law(case)
