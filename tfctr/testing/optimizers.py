"""Laws of sparse optimizers."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfctr.testing.configs import check_config
from tfctr.testing.verdicts import require, require_close

__all__ = ["check_optimizer"]

NUM_ROWS, DIM = 9, 4
# Row 2 twice in a step, 5 and 7 not in every one, all others never.
STEPS = ([2, 5, 2], [5, 2], [7, 2, 2], [2])
TOUCHED = (2, 5, 7)


def check_optimizer(
    make: Callable[..., Any],
    init_kwargs: Mapping[str, Any],
    *,
    is_lazy: bool = True,
    rtol: float = 1e-5,
) -> None:
    """Fails on the first law that the optimizer `make(**init_kwargs)` breaks.

    The laws: the config round trip; a step moves what it touches; rows and slots that
    a batch does not touch stay bit for bit; gradients of one row are summed first;
    their order does not matter; a dense gradient that touches the same rows gives the
    same rows; training that was saved and loaded goes on bit for bit.

    Args:
        make: Makes a new optimizer, a `tfctr.optimizers.SparseOptimizer`.
        init_kwargs: Its arguments, none of them a default.
        is_lazy: Whether it leaves untouched rows alone. `Adam` does not.
        rtol: Relative tolerance where sums are computed in another order.

    Raises:
        AssertionError: A law is broken; its text says which.
    """
    check = _Check(lambda: make(**init_kwargs), rtol)
    used = check.run(check.parts())
    check_config(make, used.optimizer, init_kwargs)
    check.a_step_moves_what_it_touches(used)
    if is_lazy:
        check.untouched_rows_stay()
    check.duplicates_are_summed(used)
    check.order_does_not_matter(used)
    check.a_dense_gradient_agrees()
    check.saved_training_goes_on(used)


class _Run:
    """A variable, its optimizer and what they held before the first step."""

    def __init__(self, optimizer: Any) -> None:
        start = np.random.default_rng(1).normal(size=(NUM_ROWS, DIM))
        self.variable = keras.Variable(start.astype("float32"), name="table")
        self.optimizer = optimizer
        optimizer.build([self.variable])
        self.before = self.state()

    def state(self) -> dict[str, NDArray[Any]]:
        """The weights and the slots."""
        held = {"weights": self.variable, **self.optimizer.slots(self.variable)}
        return {name: np.array(value) for name, value in held.items()}

    def apply(self, gradient: Any) -> None:
        self.optimizer.apply([gradient], [self.variable])


class _Check:
    def __init__(self, make: Callable[[], Any], rtol: float) -> None:
        self.make, self.rtol = make, rtol

    def parts(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Rows and gradients of each step, with duplicates."""
        rng = np.random.default_rng(0)
        return [
            (np.array(rows), rng.normal(size=(len(rows), DIM)).astype("float32"))
            for rows in STEPS
        ]

    def run(self, steps: list[tuple[NDArray[Any], NDArray[Any]]]) -> _Run:
        run = _Run(self.make())
        for rows, values in steps:
            run.apply(_slices(rows, values))
        return run

    def a_step_moves_what_it_touches(self, used: _Run) -> None:
        moved = (used.state()["weights"] != used.before["weights"]).any(axis=1)
        still = [row for row in TOUCHED if not moved[row]]
        require(not still, "a step moves what it touches", f"Rows {still} stayed.")

    def untouched_rows_stay(self) -> None:
        law = "rows that a batch does not touch stay as they are"
        run = _Run(self.make())
        for rows, values in self.parts():
            before = run.state()
            run.apply(_slices(rows, values))
            for name, after in run.state().items():
                differs = (after != before[name]).any(axis=1)
                changed = sorted(
                    set(np.flatnonzero(differs).tolist()) - {*rows.tolist()}
                )
                require(not changed, law, f"Rows {changed} of `{name}` changed.")

    def duplicates_are_summed(self, used: _Run) -> None:
        steps = []
        for rows, values in self.parts():
            unique, places = np.unique(rows, return_inverse=True)
            sums = np.zeros((len(unique), DIM), "float32")
            np.add.at(sums, places, values)
            steps.append((unique, sums))
        law = "gradients of one row are summed before anything else"
        self._agree(used, self.run(steps), law)

    def order_does_not_matter(self, used: _Run) -> None:
        backwards = [(rows[::-1], values[::-1]) for rows, values in self.parts()]
        law = "the order of a batch does not matter"
        self._agree(used, self.run(backwards), law)

    def a_dense_gradient_agrees(self) -> None:
        rows, values = np.arange(NUM_ROWS), self._whole()
        sparse, full = self.run([(rows, values)] * 2), _Run(self.make())
        for _ in range(2):
            full.apply(keras.ops.convert_to_tensor(values))
        law = "a sparse gradient of all rows does what the dense one does"
        self._agree(full, sparse, law)

    def saved_training_goes_on(self, used: _Run) -> None:
        law = "saved and loaded training goes on as if never stopped"
        store: dict[str, Any] = {}
        steps = self.parts()
        first, second = self.run(steps[:2]), _Run(self.make())
        first.optimizer.save_own_variables(store)
        second.variable.assign(first.variable)
        second.optimizer.load_own_variables(store)
        for rows, values in steps[2:]:
            second.apply(_slices(rows, values))
        require_close(second.state(), used.state(), law, rtol=0, atol=0)

    def _whole(self) -> NDArray[Any]:
        rng = np.random.default_rng(2)
        return rng.normal(size=(NUM_ROWS, DIM)).astype("float32")

    def _agree(self, one: _Run, other: _Run, law: str) -> None:
        require_close(other.state(), one.state(), law, rtol=self.rtol)


def _slices(rows: NDArray[Any], values: NDArray[Any]) -> Any:
    import tensorflow as tf  # only sparse gradients need it

    shape = tf.constant((NUM_ROWS, DIM))
    return tf.IndexedSlices(tf.constant(values), tf.constant(rows), shape)
