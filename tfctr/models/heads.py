"""What the outputs of each label's head mean."""

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import GROUP_ID, Label
from tfctr.losses.context_ranking import context_ranking_loss
from tfctr.losses.zero_inflated_log_normal import log_expected_value
from tfctr.metrics.streaming.value_sums import MAX_LOG_VALUE
from tfctr.types import Tensor

__all__ = ["Heads", "parted", "predictions", "with_outputs", "with_prefix"]

PREFIX = "outputs/"
OUTPUTS_OF_A_VALUE = 3
# Whether models give, beside a label's score, all that its head gave. Losses need it.
_with_outputs: ContextVar[bool] = ContextVar("tfctr_with_outputs", default=False)


@contextmanager
def with_outputs() -> Iterator[None]:
    """What is called inside gives all outputs of heads, under names of their own."""
    token = _with_outputs.set(True)
    try:
        yield
    finally:
        _with_outputs.reset(token)


def parted(by_name: Any) -> tuple[Any, dict[str, Tensor]]:
    """Scores by label, and all outputs of the heads that have several, by label.

    Args:
        by_name: What a model gave; anything but a dict is returned as it came.
    """
    if not isinstance(by_name, Mapping):
        return by_name, {}
    own = {n: v for n, v in by_name.items() if n.startswith(PREFIX)}
    scores = {name: value for name, value in by_name.items() if name not in own}
    return scores, {name.removeprefix(PREFIX): value for name, value in own.items()}


def with_prefix(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All outputs of heads by the names that `parted` takes off them."""
    return {f"{PREFIX}{name}": value for name, value in outputs.items()}


def predictions(
    labels: Iterable[Label], scores: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Probabilities of labels that are 0 or 1, expected values of the others.

    Args:
        labels: The labels.
        scores: What a model gives, by label; arrays become arrays.
    """
    values = {label.name for label in labels if label.is_value}
    found = {
        name: ops.exp(ops.minimum(score, MAX_LOG_VALUE))
        if name in values
        else ops.sigmoid(score)
        for name, score in scores.items()
    }
    return {
        name: np.asarray(value) if isinstance(scores[name], np.ndarray) else value
        for name, value in found.items()
    }


class Heads:
    """How many outputs each label has, and what score follows from them.

    | label | outputs | score | prediction |
    |---|---|---|---|
    | 0 or 1 | `z` | `z` | `sigmoid` of it |
    | 0 or 1, with two logits | `z_0, z_1` | `z_1 - z_0` | `sigmoid` of it |
    | a value | logit of `p`, `mu`, spread | `log(p exp(mu + sigma^2 / 2))` | `exp` |

    Args:
        labels: The labels.
        two_logits: Names of labels with a logit for 0 and one for 1.

    Raises:
        UnknownName: There is no such label.
        InputError: It is one of a value.
    """

    def __init__(self, labels: Iterable[Label], two_logits: Iterable[str] = ()) -> None:
        self.labels = tuple(labels)
        self.two_logits = list(two_logits)
        kinds = {label.name: label.is_value for label in self.labels}
        for name in self.two_logits:
            if name not in kinds:
                raise UnknownName("two_logits", name, kinds)
            if kinds[name]:
                raise InputError(
                    "two_logits", received=f"{name!r}, a value", expected="0 or 1"
                )
        self.sizes = {
            name: OUTPUTS_OF_A_VALUE if is_value else 1 + (name in self.two_logits)
            for name, is_value in kinds.items()
        }

    @property
    def total(self) -> int:
        """Number of outputs of all labels together."""
        return sum(self.sizes.values())

    @property
    def several(self) -> dict[str, int]:
        """Number of outputs of labels that have more than one."""
        return {name: count for name, count in self.sizes.items() if count > 1}

    @property
    def values(self) -> list[str]:
        """Names of the labels that are values."""
        return [label.name for label in self.labels if label.is_value]

    def scores(self, outputs: Tensor) -> dict[str, Tensor]:
        """One score a label, and all outputs too where `with_outputs` asks for them.

        Args:
            outputs: `(..., total)`, label by label.

        Returns:
            Dict label -> float32 `(...)`; `"outputs/<label>"` -> `(..., outputs)`.

        Raises:
            InputError: There are more or fewer of them.
        """
        outputs = ops.cast(outputs, "float32")
        if outputs.shape[-1] != self.total:
            each = ", ".join(f"{name} {count}" for name, count in self.sizes.items())
            raise InputError(
                "outputs",
                received=f"{outputs.shape[-1]} on the last axis",
                expected=f"{self.total}: {each}",
                hint="Give the last layer `self.heads.total` units.",
            )
        found: dict[str, Tensor] = {}
        more: dict[str, Tensor] = {}
        start = 0
        for name, count in self.sizes.items():
            if count == 1:
                found[name] = outputs[..., start]
            else:
                more[name] = outputs[..., start : start + count]
                found[name] = self._score(name, more[name])
            start += count
        if _with_outputs.get():
            found |= with_prefix(more)
        return found

    def _score(self, name: str, outputs: Tensor) -> Tensor:
        if name in self.two_logits:
            return outputs[..., 1] - outputs[..., 0]
        return log_expected_value(outputs)

    def loss_inputs(
        self,
        x: Mapping[str, Tensor],
        y: Mapping[str, Tensor],
        scores: Mapping[str, Tensor],
        outputs: Mapping[str, Tensor],
        weights: Any,
        ranked: Container[str],
    ) -> dict[str, Tensor]:
        """What losses take of each label.

        Args:
            x: Inputs.
            y: Labels `(rows, 1)`.
            scores: `(rows, 1)`.
            outputs: All outputs of heads with several, `(batch, ..., outputs)`.
            weights: `None`, weights `(rows,)`, or their dict by label.
            ranked: Labels that have a ranking loss.

        Returns:
            By label the score `(rows, 1)`; of a ranked label `(rows, 2)`, the score
            and the ranking loss of the example; of a value all outputs `(rows, 3)`.

        Raises:
            InputError: The outputs were not asked for, or contexts are not known.
        """
        found = dict(scores)
        for name, count in self.several.items():
            if name in self.two_logits and name not in ranked:
                continue
            if name not in outputs:
                raise InputError(
                    name,
                    received="its score alone",
                    expected="all outputs of its head",
                    hint="Call the model inside `tfctr.models.heads.with_outputs()`.",
                )
            own = ops.reshape(outputs[name], (-1, count))
            if name in self.two_logits:
                weight = weights.get(name) if isinstance(weights, Mapping) else weights
                contexts = _contexts(x, outputs[name])
                label = ops.reshape(y[name], (-1,))
                cost = context_ranking_loss(label, own, contexts, weight)
                own = ops.concatenate([found[name], cost[:, None]], axis=-1)
            found[name] = own
        return found


def _contexts(x: Mapping[str, Tensor], outputs: Tensor) -> Tensor:
    """Numbers of contexts, of rows: the request, else the user."""
    if len(outputs.shape) == 3:
        batch, count = ops.shape(outputs)[:2]
        return ops.repeat(ops.arange(batch), count)
    if GROUP_ID not in x:
        raise InputError(
            GROUP_ID,
            received="no such input",
            expected="one, which says the context of each example",
            hint="Train on requests, or keep `group_id` among the inputs.",
        )
    return ops.reshape(ops.convert_to_tensor(x[GROUP_ID]), (-1,))
