"""What Keras gets wrong where several workers train one model."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from keras import ops

__all__ = ["num_replicas", "step_results"]


def step_results(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Results of one step as Keras can average them over replicas.

    Among several workers it averages over the first axis, which scalars lack. These
    means are for progress bars; those of an epoch come from the metrics' variables.

    Args:
        logs: Scalars by name.
    """
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return dict(logs)
    return {name: ops.reshape(value, (1,)) for name, value in logs.items()}


def num_replicas() -> int:
    """Number of replicas that take a step together.

    Their gradients are summed, so each counts one part of so many of a mean loss. Keras
    does that for the losses of labels alone.
    """
    return int(tf.distribute.get_strategy().num_replicas_in_sync)
