"""A ranking model as the teacher of another."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features.columns import CANDIDATE_MASK
from tfctr.losses.distillation import DISTILLATION_KINDS
from tfctr.types import Tensor

__all__ = ["Distillation"]

# They compare the candidates of a request, so they need whole requests.
OF_REQUESTS = ("pairwise", "listwise")


class Distillation:
    """What `RankingModel.learn_from` adds to the loss of a student.

    The teacher is asked in the same step, without dropout and without a gradient; none
    of its weights changes. All labels are taught, on every real candidate, observed
    or not.

    Args:
        teacher: A built `RankingModel` of the student's schema.
        kind: `"pointwise"`, `"logit"`, `"pairwise"` or `"listwise"`: see
            `tfctr.losses`. The last two need whole requests (`tfctr.data.to_requests`).
        weight: Weight of the loss beside that of the labels.
        temperature: Softens the teacher's logits.

    Raises:
        UnknownName: There is no such kind.
        InputError: A number is out of range.
    """

    def __init__(
        self,
        teacher: Any,
        *,
        kind: str = "listwise",
        weight: float = 1.0,
        temperature: float = 1.0,
    ) -> None:
        if kind not in DISTILLATION_KINDS:
            raise UnknownName("kind", kind, DISTILLATION_KINDS)
        for name, value in (("weight", weight), ("temperature", temperature)):
            if not value > 0:
                raise InputError(name, received=value, expected="a positive number")
        self.teacher = teacher
        self.kind = kind
        self.weight = weight
        self.temperature = temperature

    def __call__(self, x: Mapping[str, Tensor], logits: Mapping[str, Tensor]) -> Tensor:
        """The weighted loss of a batch, summed over the labels.

        Args:
            x: Encoded inputs, pointwise or as requests.
            logits: The student's logits by label; what else a model gives there is
                ignored.

        Raises:
            InputError: The kind needs requests, and these are pairs.
        """
        taught = self.teacher(x, training=False)
        first = next(iter(taught.values()))
        if self.kind in OF_REQUESTS and len(first.shape) != 2:
            raise InputError(
                "kind",
                received=f"{self.kind!r} with one candidate an example",
                expected="whole requests",
                hint="Train on `tfctr.data.to_requests` or `Dataset.to_requests`.",
            )
        mask = x.get(CANDIDATE_MASK)
        if mask is None or len(first.shape) != 2:
            mask = ops.ones_like(first)
        loss = DISTILLATION_KINDS[self.kind]
        losses = [
            loss(ops.stop_gradient(value), logits[name], mask, self.temperature)
            for name, value in taught.items()
        ]
        return self.weight * sum(losses[1:], losses[0])
