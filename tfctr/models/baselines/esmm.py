"""ESMM: conversions after clicks, trained on all impressions."""

from collections.abc import Sequence

from tfctr.models.baselines.multitask import MultiTaskModel
from tfctr.models.tasks import Task
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["ESMM"]


@serializable
class ESMM(MultiTaskModel):
    """`logit_t = w_t . mlp_t(x)`: towers that share embeddings and nothing else.

    A label that is observed only where another one is 1 is trained where that is 0 too:
    by the probability of both, `p(click) p(buy | click)`, against whether both are 1,
    on all impressions. Its logit is still that of `p(buy | click)`.

    Args:
        schema: The schema, with sizes. Each label is a task.
        dim: Width of the embeddings.
        hidden_units: Widths of each task's tower; none for a logit of the embeddings.
        dropout: Share of units dropped after each layer in training.
        seed: Seed of the initial values; a task's start from its label's name.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Ma et al., Entire Space Multi-Task Model, SIGIR 2018, equations (3) and (4).
    Deviation: a history counts as the mean of its events, as everywhere here.
    """

    def shared(self, flat: Tensor, training: bool = False) -> Tensor:
        return flat

    def default_tasks(self) -> Sequence[Task]:
        return [
            Task(label.name, space="observed" if label.observed_if is None else "all")
            for label in self.schema.labels
        ]
