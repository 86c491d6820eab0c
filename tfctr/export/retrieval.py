"""Search among all items: the best of them by the product of vectors."""

from typing import Any

import tensorflow as tf

from tfctr.errors import InputError
from tfctr.export.item_store import ItemStore, ItemTable
from tfctr.types import Tensor

__all__ = ["BruteForce", "retrieval_index", "search_of"]


class BruteForce(tf.Module):
    """All products of a query with the stored vectors, and the largest of them.

    The unknown item is never found. Of equal products the earlier item comes first.

    Args:
        store: The item store, whose vectors are read where they are.
        k: How many items to find; fewer where the store has fewer.
    """

    def __init__(self, store: ItemStore, k: int) -> None:
        super().__init__()
        if k < 1:
            raise InputError("retrieval_k", received=k, expected="a positive number")
        self._store = store
        self._k = min(k, store.count)

    def __call__(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Products and ids `(batch, k)`, the largest first.

        Args:
            queries: `(batch, dim)` floats.
        """
        vectors = self._store.all_stored("vector")
        products = tf.matmul(queries, vectors, transpose_b=True)
        # Row 0 is the unknown item; to slice it off would copy all vectors.
        products = products[:, 1:]
        best, places = tf.math.top_k(products, self._k)
        return best, self._store.item_ids(places + 1)


def search_of(store: ItemStore, pre_ranking: Any, k: int | None) -> BruteForce | None:
    """The search that a deployment serves, if any.

    Args:
        store: The item store.
        pre_ranking: The pre-ranking head.
        k: How many items to find; no search without.

    Raises:
        InputError: There is no pre-ranking head, or its scores are no products of
            vectors: it has no `retrieval_query`.
    """
    if k is None:
        return None
    if not hasattr(pre_ranking, "retrieval_query"):
        received = "none" if pre_ranking is None else type(pre_ranking).__name__
        raise InputError(
            "retrieval_k",
            received=f"pre_ranking: {received}",
            expected="a model with `retrieval_query`, such as TwoTower",
        )
    return BruteForce(store, k)


def retrieval_index(table: ItemTable, k: int, *, approximate: bool = False) -> Any:
    """An index of TensorFlow Recommenders over a table's vectors, for notebooks.

    What is served is `BruteForce`, which gives the same: docs/decisions/0009.

    Args:
        table: Items with stored vectors.
        k: How many items a query finds.
        approximate: ScaNN instead of brute force; needs the package `scann`.

    Returns:
        `tfrs.layers.factorized_top_k.BruteForce` or `ScaNN`: called with queries
        `(batch, dim)` (those of `retrieval_query`) it gives products and ids.

    Raises:
        InputError: `k` is above the number of items, or TensorFlow Recommenders
            cannot be imported.
    """
    count = len(table.item_ids) - 1
    if not 1 <= k <= count:
        raise InputError("k", received=k, expected=f"1 to {count}, the number of items")
    try:
        from tensorflow_recommenders.layers import factorized_top_k
    except (ImportError, AttributeError) as error:
        raise InputError(
            "tensorflow_recommenders",
            received=f"an error on import: {error}",
            expected="the package, with TF_USE_LEGACY_KERAS=1 set before TensorFlow",
        ) from error
    kind = factorized_top_k.ScaNN if approximate else factorized_top_k.BruteForce
    index = kind(k=k)
    vectors = tf.constant(table.stored["vector"][1:])
    return index.index(vectors, tf.constant(table.item_ids[1:]))
