"""The shapes in which losses and metrics take labels, logits and weights."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.errors import InputError
from tfctr.features import GROUP_ID

__all__ = ["columns", "rows_of_weights", "update_grouped"]


def columns(by_label: Any) -> Any:
    """Labels or logits as columns, one row a prediction.

    Losses and metrics of Keras average over the last axis before they weigh examples,
    so it must be neither the batch nor the predictions of an example.

    Args:
        by_label: Dict label -> `(batch,)`, or `(batch, positions)` where an example
            holds several predictions; anything else is returned as it came.

    Returns:
        Dict label -> `(batch, 1)` or `(batch * positions, 1)`.
    """
    if not isinstance(by_label, Mapping):
        return by_label
    return {name: ops.reshape(value, (-1, 1)) for name, value in by_label.items()}


def rows_of_weights(weights: Any, by_label: Any) -> Any:
    """Weights of examples as weights of the rows that `columns` makes.

    Args:
        weights: `None`, or weights `(batch,)` or `(batch, positions)`, or a dict of
            them by label; those of an example hold for each of its predictions.
        by_label: The logits that they weigh.

    Returns:
        Weights `(batch,)` or `(batch * positions,)`, or their dict.
    """
    if weights is None or not isinstance(by_label, Mapping):
        return weights
    if isinstance(weights, Mapping):
        return {n: _rows(w, by_label[n]) for n, w in weights.items() if n in by_label}
    return _rows(weights, next(iter(by_label.values())))


def update_grouped(
    metrics: Mapping[str, Any], x: Any, y: Any, logits: Any, weights: Any
) -> None:
    """Gives grouped metrics a batch.

    Args:
        metrics: By label.
        x: Inputs; `group_id` among them.
        y: Labels by name.
        logits: Logits by label.
        weights: What `rows_of_weights` gave.

    Raises:
        InputError: There are metrics, but no groups.
    """
    for name, metric in metrics.items():
        if GROUP_ID not in x:
            raise InputError(
                GROUP_ID, received="no such input", expected="one for grouped AUC"
            )
        metric.update_state(
            ops.reshape(y[name], (-1,)),
            ops.reshape(logits[name], (-1,)),
            sample_weight=weights[name] if isinstance(weights, Mapping) else weights,
            group=rows_of_weights(x[GROUP_ID], logits),
        )


def _rows(weights: Any, logits: Any) -> Any:
    weights = ops.convert_to_tensor(weights)
    if len(weights.shape) == 1 and len(logits.shape) == 2:
        weights = ops.repeat(weights, ops.shape(logits)[1], axis=0)
    return ops.reshape(weights, (-1,))
