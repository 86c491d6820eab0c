"""Optimizers whose cost follows the batch, not the vocabulary."""

from typing import Any

from tfctr.optimizers.adagrad import RowWiseAdagrad, SparseAdagrad
from tfctr.optimizers.adam import Adam, LazyAdam
from tfctr.optimizers.composite import Composite
from tfctr.optimizers.ftrl import SparseFTRL
from tfctr.optimizers.sgd import SparseSGD
from tfctr.optimizers.sparse_optimizer import SparseOptimizer

__all__ = [
    "Adam",
    "Composite",
    "LazyAdam",
    "RowWiseAdagrad",
    "SparseAdagrad",
    "SparseFTRL",
    "SparseOptimizer",
    "SparseSGD",
    "default",
]

# Up to here a batch of the usual size touches most rows: one kernel for all of them is
# quicker than to tell which.
EXACT_ROWS = 1 << 14


def default(learning_rate: Any = 1e-3, *, frequency_adaptive: bool = False) -> LazyAdam:
    """The optimizer that `compile` uses when none is given.

    Adam for dense weights and for tables of up to 16,384 rows, lazy Adam for larger
    ones.

    Args:
        learning_rate: Its learning rate.
        frequency_adaptive: Whether rare rows of tables take smaller steps, see
            `SparseOptimizer`.

    >>> round(float(default(0.25).learning_rate), 4)
    0.25
    """
    return LazyAdam(
        learning_rate, exact_rows=EXACT_ROWS, frequency_adaptive=frequency_adaptive
    )
