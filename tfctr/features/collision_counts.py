"""How many hashed values collide in their table: by chance, and really."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, factorial, log1p

import numpy as np
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.features.encoding import vocabulary_ids
from tfctr.features.schema import FeatureSchema
from tfctr.features.vocabularies import Vocabulary

__all__ = ["Collisions", "collisions"]


@dataclass(frozen=True)
class Collisions:
    """Shares of the values of one table that collide.

    Attributes:
        num_values: Number of values.
        num_rows: Number of rows that values can have.
        touching: Share that has a row in common with another value.
        expected_touching: The same for rows drawn at random.
        equal: Share that no model can tell from another value: all rows are the same.
        expected_equal: The same for rows drawn at random.
    """

    num_values: int
    num_rows: int
    touching: float
    expected_touching: float
    equal: float
    expected_equal: float


def collisions(
    schema: FeatureSchema, values: Mapping[str, Iterable[str]]
) -> dict[str, Collisions]:
    """Counts collisions of hashed values, table by table.

    Values of different features count as different, whatever their text.

    Args:
        schema: The declaration.
        values: Values by name of their hashed vocabulary; numbers as their decimal
            text. Vocabularies that are left out are taken to be empty.

    Returns:
        Shares by name of the table.

    Raises:
        InputError: A vocabulary is not hashed.
    """
    rows: dict[str, list[np.ndarray]] = {}
    sizes: dict[str, int] = {}
    for name, texts in values.items():
        vocabulary = schema.vocabulary(name)
        if vocabulary.num_hash_buckets is None:
            raise InputError(
                name, received="a vocabulary without hashes", expected="a hashed one"
            )
        found = _rows(vocabulary, schema.size(name), sorted(set(texts) - {""}))
        rows.setdefault(vocabulary.table, []).append(found)
        sizes[vocabulary.table] = vocabulary.num_hash_buckets
    return {table: _count(parts, sizes[table]) for table, parts in rows.items()}


def _rows(vocabulary: Vocabulary, num_rows: int, texts: list[str]) -> np.ndarray:
    """`(values, num_hashes)` rows, as the embedding layer looks them up."""
    # Layers are made of features, so they cannot be there when this module loads.
    from tfctr.layers.embedding.hashing import hashed_rows

    ids = vocabulary_ids(vocabulary, tf.constant(texts, tf.string), _no_lookup)
    if not vocabulary.is_fingerprinted:
        return np.asarray(ids)[:, None]
    rows = hashed_rows(ids, num_rows, vocabulary.num_hashes, vocabulary.name)
    return np.asarray(rows)


def _no_lookup(vocabulary: str, text: tf.Tensor) -> tf.Tensor:
    raise InputError(vocabulary, received="a look-up", expected="a hash")


def _count(parts: list[np.ndarray], num_rows: int) -> Collisions:
    num_values = sum(map(len, parts))
    owners = np.zeros(1 + num_rows, np.int64)
    # Rows of a mean have no order, and a value may have a row twice.
    owned: list[tuple[int, ...]] = [
        tuple(row) for part in parts for row in np.sort(part, axis=1).tolist()
    ]
    sets = [list(set(row)) for row in owned]
    for row in sets:
        owners[row] += 1
    same = Counter(owned)
    draws = sum(part.size for part in parts)
    return Collisions(
        num_values=num_values,
        num_rows=num_rows,
        touching=_share(sum(bool((owners[row] > 1).any()) for row in sets), num_values),
        expected_touching=_share(
            sum(
                len(p) * _hit(p.shape[1] * (draws - p.shape[1]), 1 / num_rows)
                for p in parts
            ),
            num_values,
        ),
        equal=_share(sum(same[row] > 1 for row in owned), num_values),
        expected_equal=_share(_expected_equal(parts, num_rows), num_values),
    )


def _expected_equal(parts: list[np.ndarray], num_rows: int) -> float:
    """Expected number of values whose rows are all those of another value."""
    by_hashes: Counter[int] = Counter()
    for part in parts:
        by_hashes[part.shape[1]] += len(part)
    return sum(
        count * _hit(count - 1, min(1.0, factorial(hashes) / num_rows**hashes))
        for hashes, count in by_hashes.items()
    )


def _hit(trials: int, chance: float) -> float:
    """Chance that at least one of independent trials hits."""
    if chance >= 1:
        return float(trials > 0)
    return 1 - exp(trials * log1p(-chance)) if trials else 0.0


def _share(count: float, of: int) -> float:
    return count / of if of else 0.0
