"""Kernels of tfctr's own, which make training faster on a CPU.

They are compiled where they run (`tfctr kernels`) and used by `fit` alone, if they are
there: whatever is exported or asked for predictions is plain TensorFlow.
"""

from tfctr.native.building import build, library_file
from tfctr.native.operations import (
    factorization,
    gather_rows,
    is_loaded,
    pooled_attention,
    table_factorization,
    update_rows,
)
from tfctr.native.records import RecordColumn, parse_records
from tfctr.native.recurrences import gru, lstm, time_aware_lstm

__all__ = [
    "RecordColumn",
    "build",
    "factorization",
    "gather_rows",
    "gru",
    "is_loaded",
    "library_file",
    "lstm",
    "parse_records",
    "pooled_attention",
    "table_factorization",
    "time_aware_lstm",
    "update_rows",
]
