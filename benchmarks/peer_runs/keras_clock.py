"""What the TensorFlow processes share: thread settings and the clock as a callback."""

from typing import Any

from peer_runs.measure import StepClock

__all__ = ["clock_callback", "set_threads"]


def set_threads(threads: int) -> None:
    """Sets TensorFlow's pools; to be called before its first operation."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def clock_callback(base: type, clock: StepClock) -> Any:
    """A callback of either Keras that marks the clock.

    Args:
        base: `keras.callbacks.Callback`, or that of `tf.keras`.
        clock: The clock.
    """

    class Clock(base):  # type: ignore[misc, valid-type] -- its base is known at run time
        def on_train_begin(self, logs: Any = None) -> None:
            clock.mark(0)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            clock.mark(batch + 1)

    return Clock()
