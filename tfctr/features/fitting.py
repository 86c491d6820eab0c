"""Learning a schema's state in memory."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfctr.errors import InputError
from tfctr.features.columns import Column
from tfctr.features.frames import frame_to_arrays
from tfctr.features.schema import FeatureSchema
from tfctr.features.specs import Numeric, Vocabulary
from tfctr.features.state import SchemaState
from tfctr.features.vocabulary_files import is_storable

__all__ = ["fit", "rank_values", "text_of"]


def fit(schema: FeatureSchema, data: Any) -> SchemaState:
    """Learns vocabularies and moments; see `FeatureSchema.fit`."""
    counts: dict[str, Counter[str]] = {
        v.name: Counter() for v in schema.vocabularies if v.is_learnt
    }
    numbers = {c.name: c for c in schema.raw_columns() if _is_scaled(c)}
    moments = {name: _Moments() for name in numbers}
    rows = 0
    for batch in _batches(schema, data):
        rows += len(next(iter(batch.values())))
        for name, counter in counts.items():
            for column in schema.vocabulary_columns(name):
                _count(counter, column, batch[column.name])
        for name, column in numbers.items():
            moments[name].add(column, batch[name])
    if rows == 0:
        raise InputError("data", received="no rows", expected="at least one row")
    return SchemaState(
        schema,
        {name: rank_values(schema.vocabulary(name), c) for name, c in counts.items()},
        {name: m.mean_and_scale() for name, m in moments.items()},
    )


def rank_values(vocabulary: Vocabulary, counts: Mapping[str, int]) -> list[str]:
    """Values by falling count, ties by falling value; rare and surplus ones left out.

    Values that are empty or hold a line break are left out, as in TFT.
    """
    kept = [
        (count, value.encode())
        for value, count in counts.items()
        if count >= vocabulary.min_count and value and is_storable(value)
    ]
    ranked = [value.decode() for _, value in sorted(kept, reverse=True)]
    return ranked[: vocabulary.max_size]


def _is_scaled(column: Column) -> bool:
    return isinstance(column.feature, Numeric) and column.feature.transform != "none"


def _batches(schema: FeatureSchema, data: Any) -> Iterator[dict[str, np.ndarray]]:
    if hasattr(data, "columns") or isinstance(data, Mapping):
        yield frame_to_arrays(schema, data)
        return
    for batch in data:
        features = batch[0] if isinstance(batch, tuple) else batch
        yield frame_to_arrays(schema, features)


def _count(counter: Counter[str], column: Column, values: np.ndarray) -> None:
    if values.dtype.kind == "i":
        unique, counts = np.unique(values[values != -1], return_counts=True)
        for value, count in zip(unique.tolist(), counts.tolist(), strict=True):
            counter[str(value)] += count
        return
    flat = values.reshape(-1).tolist()
    for text, count in Counter(flat).items():
        counter[text_of(column, text)] += count


def text_of(column: Column, value: str | bytes) -> str:
    """Text of a cell, which may hold it as bytes."""
    try:
        return value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            column.name, received=f"{value!r}", expected="text in UTF-8"
        ) from error


class _Moments:
    """Mean and variance of batches, merged after Chan et al. (1979)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0
        self.lowest, self.highest = np.inf, -np.inf

    def add(self, column: Column, values: np.ndarray) -> None:
        values = values[np.isfinite(values)].astype("float64")
        feature = column.feature
        if isinstance(feature, Numeric) and feature.transform == "log_standardize":
            values = np.log1p(np.maximum(values, 0.0))
        if not len(values):
            return
        mean, total = values.mean(), self.count + len(values)
        self.squares += ((values - mean) ** 2).sum()
        self.squares += (mean - self.mean) ** 2 * self.count * len(values) / total
        self.mean += (mean - self.mean) * len(values) / total
        self.count = total
        self.lowest = min(self.lowest, values.min())
        self.highest = max(self.highest, values.max())

    def mean_and_scale(self) -> tuple[float, float]:
        # Rounding gives a constant column a deviation of 1e-16, not of 0.
        if self.lowest >= self.highest:
            return self.mean, 1.0
        return self.mean, (self.squares / self.count) ** 0.5
