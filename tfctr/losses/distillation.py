"""Losses of a student's logits against those of a teacher."""

from collections.abc import Callable

from keras import ops

from tfctr.losses.cross_entropy import cross_entropy
from tfctr.types import Tensor

__all__ = [
    "DISTILLATION_KINDS",
    "listwise_distillation",
    "logit_distillation",
    "pairwise_distillation",
    "pointwise_distillation",
]


def pointwise_distillation(
    teacher: Tensor, student: Tensor, mask: Tensor, temperature: float = 1.0
) -> Tensor:
    """Cross-entropy of the student's probabilities against the teacher's.

    `T^2` times the mean of `-p log q - (1 - p) log(1 - q)` with `p = sigmoid(t / T)`,
    `q = sigmoid(s / T)`; the factor keeps gradients of one size for all `T`.

    Args:
        teacher: Logits of any shape.
        student: Logits of that shape.
        mask: `True` (or 1) where a candidate is real, of that shape.
        temperature: `T > 0`; above 1, differences of sure cases count less.

    Returns:
        A float32 number; 0 where nothing is real.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network, 2015.
    """
    soft = ops.sigmoid(teacher / temperature)
    return temperature**2 * _mean(cross_entropy(soft, student / temperature), mask)


def logit_distillation(
    teacher: Tensor, student: Tensor, mask: Tensor, temperature: float = 1.0
) -> Tensor:
    """Mean of `(t - s)^2`; arguments as `pointwise_distillation`.

    The limit of that for a high temperature, up to a factor: `temperature` has no say.
    """
    return _mean(ops.square(teacher - student), mask)


def pairwise_distillation(
    teacher: Tensor, student: Tensor, mask: Tensor, temperature: float = 1.0
) -> Tensor:
    """Cross-entropy of the order of each two candidates of a request.

    As `pointwise_distillation` of the differences `t_i - t_j` and `s_i - s_j`, over
    all pairs `i < j` of real candidates.

    Args:
        teacher: Logits `(requests, candidates)`.
        student: Logits of that shape.
        mask: `True` where a candidate is real, of that shape.
        temperature: `T > 0`.

    Returns:
        A float32 number; 0 where no request has two candidates.

    Source: Burges et al., RankNet, ICML 2005, with the teacher's probabilities.
    """
    taught, learnt = (
        ops.expand_dims(logits, 2) - ops.expand_dims(logits, 1)
        for logits in (teacher, student)
    )
    real = ops.cast(mask, "bool")
    both = ops.logical_and(ops.expand_dims(real, 2), ops.expand_dims(real, 1))
    places = ops.arange(ops.shape(teacher)[1])
    once = ops.expand_dims(places, 1) < places
    both = ops.logical_and(both, once)
    return pointwise_distillation(taught, learnt, both, temperature)


def listwise_distillation(
    teacher: Tensor, student: Tensor, mask: Tensor, temperature: float = 1.0
) -> Tensor:
    """Divergence of the softmax over a request's candidates from the teacher's.

    `T^2` times the mean over requests of `KL(softmax(t / T) || softmax(s / T))`. Only
    the order and the distances within a request are taught: a student whose logits
    are the teacher's and a constant has loss 0.

    Args:
        teacher: Logits `(requests, candidates)`.
        student: Logits of that shape.
        mask: `True` where a candidate is real, of that shape.
        temperature: `T > 0`; below 1, the teacher's first candidates count more.

    Returns:
        A float32 number; 0 where no request has a candidate.

    Source: Cao et al., ListNet, ICML 2007, with the teacher's logits as scores.
    """
    real = ops.cast(mask, "bool")
    log_teacher, log_student = (
        ops.log_softmax(ops.where(real, logits / temperature, -1e9), axis=-1)
        for logits in (teacher, student)
    )
    shares = ops.where(real, ops.exp(log_teacher), 0.0)
    gaps = ops.where(real, log_teacher - log_student, 0.0)
    divergence = ops.sum(shares * gaps, axis=-1)
    return temperature**2 * _mean(divergence, ops.any(real, axis=-1))


DISTILLATION_KINDS: dict[str, Callable[..., Tensor]] = {
    "pointwise": pointwise_distillation,
    "logit": logit_distillation,
    "pairwise": pairwise_distillation,
    "listwise": listwise_distillation,
}


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    weights = ops.cast(mask, "float32")
    total = ops.sum(weights)
    values = ops.where(weights > 0, ops.cast(values, "float32"), 0.0)
    return ops.sum(values * weights) / ops.where(total > 0, total, 1.0)
