"""From pointwise examples to requests: one user, all candidates that were shown."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tfctr.data.batches import encode_frame, in_batches, learnt
from tfctr.data.cells import Array
from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.features.columns import CANDIDATE_MASK, GROUP_ID

if TYPE_CHECKING:
    import tensorflow as tf

    from tfctr.features import SchemaState

# TensorFlow loads inside the functions: Beam workers import this package without it.

__all__ = ["group_requests", "request_batches", "to_requests"]

ROWS_PER_CHUNK = 16_384


def to_requests(
    frame: pd.DataFrame,
    state: "SchemaState | FeatureSchema",
    batch_size: int = 64,
    *,
    max_candidates: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
) -> "tf.data.Dataset":
    """Batches of requests: rows of equal user, context and history together.

    A batch is as wide as its longest request. A padded place repeats the request's
    first candidate, with weight 0 and `False` in `candidate_mask`.

    Args:
        frame: Raw examples, with the schema's columns and labels.
        state: What `schema.fit` learnt; a schema alone serves if it learns nothing.
        batch_size: Requests in a batch; the last one may hold fewer.
        max_candidates: Requests with more candidates become several.
        shuffle: Gives each pass over the data a new order of requests.
        seed: Seed of these orders.

    Returns:
        A dataset of `(x, y, w)`: encoded tensors `(batch, ...)`, those of the item
        `(batch, candidates, ...)`, with `candidate_mask` bool `(batch, candidates)`;
        float32 labels and weights `(batch, candidates)` by label.

    Raises:
        InputError: A column does not hold what is declared, or a label that counts is
            neither 0 nor 1, or a size is below 1.
    """
    state = learnt(state)
    return request_batches(
        state.schema,
        encode_frame(frame, state),
        batch_size,
        max_candidates=max_candidates,
        shuffle=shuffle,
        seed=seed,
    )


def group_requests(
    schema: FeatureSchema,
    arrays: tuple[Mapping[str, Array], ...],
    *,
    max_candidates: int | None = None,
) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """All requests of encoded examples, padded to the longest; see `to_requests`.

    Requests stand in the order of their first rows, candidates in the order of theirs.

    Args:
        schema: Says whose column is whose.
        arrays: Encoded columns `(rows, ...)` by name, labels `(rows,)` by name, and
            if there are any, weights `(rows,)` by label.
        max_candidates: Requests with more candidates become several.

    Returns:
        `(x, y, w)`: columns `(requests, ...)` and `(requests, candidates, ...)`, labels
        and weights `(requests, candidates)`.

    Raises:
        InputError: There are no rows, a column is missing, or `max_candidates` is
            below 1.
    """
    requests = _find(schema, arrays[0], max_candidates)
    x, y, weights = _parts(schema, arrays)
    width = np.arange(requests.sizes.max())
    mask = width < requests.sizes[:, None]
    starts = requests.starts[:, None]
    rows = requests.order[np.where(mask, starts + width, starts)]
    user, items = x
    return (
        {n: v[requests.order[requests.starts]] for n, v in user.items()}
        | {n: v[rows] for n, v in items.items()}
        | {CANDIDATE_MASK: mask},
        {n: np.where(mask, v[rows], np.float32(0)) for n, v in y.items()},
        {n: np.where(mask, v[rows], np.float32(0)) for n, v in weights.items()},
    )


def request_batches(
    schema: FeatureSchema,
    arrays: tuple[Mapping[str, Array], ...],
    batch_size: int,
    *,
    max_candidates: int | None,
    shuffle: bool,
    seed: int = 0,
) -> "tf.data.Dataset":
    """Batches of the requests of encoded examples; see `to_requests`."""
    import tensorflow as tf

    found = _find(schema, arrays[0], max_candidates)
    (user, items), y, weights = tf.nest.map_structure(
        tf.convert_to_tensor, _parts(schema, arrays)
    )
    order, starts, sizes = map(
        tf.convert_to_tensor, (found.order, found.starts, found.sizes)
    )

    def requests_at(chosen: Any) -> Any:
        first, count = tf.gather(starts, chosen)[:, None], tf.gather(sizes, chosen)
        width = tf.range(tf.reduce_max(count))
        mask = width < count[:, None]
        rows = tf.gather(order, tf.where(mask, first + width, first))
        real = tf.cast(mask, tf.float32)
        x = {n: tf.gather(v, rows[:, 0]) for n, v in user.items()}
        x |= {n: tf.gather(v, rows) for n, v in items.items()}
        return (
            x | {CANDIDATE_MASK: mask},
            {n: tf.gather(v, rows) * real for n, v in y.items()},
            {n: tf.gather(v, rows) * real for n, v in weights.items()},
        )

    count = len(found.starts)
    return in_batches(count, requests_at, batch_size, shuffle=shuffle, seed=seed)


@dataclass(frozen=True)
class _Requests:
    """Rows sorted by request; where each request starts among them, and its size."""

    order: Array
    starts: Array
    sizes: Array


def _find(
    schema: FeatureSchema, x: Mapping[str, Array], max_candidates: int | None
) -> _Requests:
    if max_candidates is not None and max_candidates < 1:
        raise InputError(
            "max_candidates", received=max_candidates, expected="at least 1"
        )
    numbers = _request_numbers(schema, x)
    order = np.argsort(numbers, kind="stable")
    sizes = np.bincount(numbers)
    starts = np.cumsum(sizes) - sizes
    place = np.arange(len(order)) - np.repeat(starts, sizes)  # within its request
    is_start = place % (max_candidates or len(order)) == 0
    starts = np.flatnonzero(is_start)
    sizes = np.diff(np.append(starts, len(order)))
    return _Requests(*(a.astype("int32") for a in (order, starts, sizes)))


def _request_numbers(schema: FeatureSchema, x: Mapping[str, Array]) -> Array:
    """For each row the number of its request, from 0 in order of appearance."""
    names = [c.name for c in schema.encoded_columns(("user", "context", "sequence"))]
    names += [GROUP_ID] * (GROUP_ID in x)
    for name in names:
        if name not in x:
            raise InputError(name, received=f"columns {sorted(x)}", expected="it too")
    rows = len(x[names[0]])
    if not rows:
        raise InputError("arrays", received="no rows", expected="at least one example")
    numbers: dict[bytes, int] = {}
    found = np.empty(rows, "int64")
    for start in range(0, rows, ROWS_PER_CHUNK):
        parts = [
            np.ascontiguousarray(x[n][start : start + ROWS_PER_CHUNK]) for n in names
        ]
        content = np.concatenate(
            [part.reshape(len(part), -1).view("uint8") for part in parts], axis=1
        )
        for row, cells in enumerate(content, start):
            # A digest, as long histories would not fit into memory; 128 bits of it
            # are the same for different rows in no data that there is.
            key = hashlib.blake2b(cells, digest_size=16).digest()
            found[row] = numbers.setdefault(key, len(numbers))
    return found


def _parts(schema: FeatureSchema, arrays: tuple[Mapping[str, Array], ...]) -> Any:
    """`((user, items), labels, weights)`, the weights 1 where there are none."""
    x, y = arrays[:2]
    item_names = {column.name for column in schema.encoded_columns(["item"])}
    user = {name: values for name, values in x.items() if name not in item_names}
    items = {name: x[name] for name in x if name in item_names}
    weights = (
        arrays[2] if len(arrays) > 2 else {n: np.ones_like(v) for n, v in y.items()}
    )
    return (user, items), dict(y), dict(weights)
