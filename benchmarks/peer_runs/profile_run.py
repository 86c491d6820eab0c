"""Where the time of a tfctr step goes: the step with ever more of its parts."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from peer_runs.keras_clock import clock_callback
from peer_runs.measure import Case, StepClock, steady_rates
from peer_runs.tfctr_run import made
from peer_runs.workloads import Workload, load
from tfctr import kernels


def microseconds(work: Callable[[Any], Any], data: Any, workload: Workload) -> float:
    """CPU microseconds an example of `work` on each batch, input included."""
    clock = StepClock()
    for step, batch in enumerate(data):
        work(batch)
        clock.mark(step + 1)
    return 1e6 / steady_rates(clock.marks, workload)[1]


def operations(step: Callable[[], Any], folder: Path) -> None:
    """Leaves a trace for TensorBoard in `folder`."""
    with tf.profiler.experimental.Profile(str(folder)):
        for _ in range(3):
            step()


def steps_of(model: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The forward pass with its loss, and that with the gradients."""

    @tf.function
    def forward(batch: Any) -> Any:
        x, y = batch
        with kernels.xla(False), kernels.compiled(True):  # as `fit` says of its steps
            return model.compute_loss(x, y, model(x, training=True), training=True)

    @tf.function
    def backward(batch: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = forward(batch)
        gradients = tape.gradient(loss, model.trainable_variables)
        # Without a use of them TensorFlow would prune what makes them.
        return [tf.reduce_max(_values(gradient)) for gradient in gradients]

    return forward, backward


def fitted(model: Any, train: Any) -> StepClock:
    """The clock of one epoch."""
    clock = StepClock()
    callback = clock_callback(keras.callbacks.Callback, clock)
    model.fit(train, epochs=1, verbose=0, callbacks=[callback])
    return clock


def main() -> None:
    case = Case.from_file(sys.argv[1])
    parts = {part: load(case.folder, part) for part in ("train", "valid")}
    model, _, train = made(case, parts)
    workload, (forward, backward) = case.workload, steps_of(model)
    clock = fitted(model, train)
    cumulative = [
        microseconds(lambda batch: None, train, workload),
        microseconds(forward, train, workload),
        microseconds(backward, train, workload),
        1e6 / steady_rates(clock.marks, workload)[1],
    ]
    names = ("input", "forward and loss", "backward", "optimizer and fit")
    before = [0.0, *cumulative[:-1]]
    result = {
        "parts": {
            name: now - was
            for name, now, was in zip(names, cumulative, before, strict=True)
        },
        "first_step_seconds": clock.marks[1][1] - clock.marks[0][1],
    }
    if case.arguments.get("trace"):
        batch = next(iter(train))
        operations(lambda: backward(batch), Path(case.arguments["trace"]))
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


def _values(gradient: Any) -> Any:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


if __name__ == "__main__":
    main()
