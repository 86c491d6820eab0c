"""Large variables on huge pages, where the system gives them."""

import ctypes
import sys
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["HUGE_PAGE", "collapse"]

HUGE_PAGE = 2 << 20
# Of Linux' <asm-generic/mman-common.h>; the second exists since Linux 6.1.
MADV_HUGEPAGE, MADV_COLLAPSE = 14, 25


def collapse(variable: Any) -> bool:
    """Asks the system to put a variable's memory on huge pages, now.

    Rows of a large table lie far apart: with pages of 4 KiB nearly every one costs a
    walk through the page tables on top of the read. Call it before the variable is
    first read by rows, since from then on TensorFlow only gives copies of it.

    Args:
        variable: A `tf.Variable`.

    Returns:
        Whether it was done. Nothing is where the variable is small or not on a CPU, or
        where the system is not Linux or does not allow huge pages.
    """
    size = variable.dtype.size * int(np.prod(variable.shape, dtype="int64"))
    is_here = isinstance(variable, tf.Variable) and "CPU" in variable.device.upper()
    if size < 2 * HUGE_PAGE or not is_here or not sys.platform.startswith("linux"):
        return False
    if not tf.executing_eagerly() or tf.distribute.has_strategy():
        return False
    shared = np.asarray(memoryview(variable.read_value()))  # the memory itself, no copy
    start = -(-shared.ctypes.data // HUGE_PAGE) * HUGE_PAGE
    stop = (shared.ctypes.data + shared.nbytes) // HUGE_PAGE * HUGE_PAGE
    if stop <= start:
        return False
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    # Advice only: what it does to the memory cannot be seen but in the time it takes.
    madvise(start, stop - start, MADV_HUGEPAGE)
    return bool(madvise(start, stop - start, MADV_COLLAPSE) == 0)
