"""The serving signatures of a deployment: raw features in, probabilities out."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfctr.errors import InputError, UnknownName
from tfctr.export.item_store import ItemStore, ItemTable
from tfctr.export.merging import MergedFactors
from tfctr.export.quantization import ServedTables
from tfctr.export.requests import ITEM_ROLES, USER_ROLES, cut, request_specs
from tfctr.export.retrieval import BruteForce, search_of
from tfctr.features import (
    GROUP_ID,
    Encoder,
    FeatureSchema,
    SchemaState,
    parse_examples,
)
from tfctr.models import PreRankingModel, RankingModel
from tfctr.models.heads import predictions
from tfctr.types import Tensor

__all__ = ["ServingModule"]


class ServingModule(tf.Module):
    """Both heads, the encoding and the item store in one exportable module.

    Args:
        ranking: The ranking head.
        pre_ranking: The pre-ranking head, if any.
        state: What was learnt.
        table: The items of the store.
        folder: Folder for the files that become assets.
        top_k: Number of candidates that `pre_ranking` returns in order.
        score: Exponent of each label's probability in the combined score.
        table_format: How embedding tables are stored: see `tfctr.export.save`.
        retrieval_k: How many items `retrieval` finds; without, there is no such
            signature.
    """

    def __init__(
        self,
        *,
        ranking: RankingModel,
        pre_ranking: PreRankingModel | None,
        state: SchemaState,
        table: ItemTable,
        folder: str | Path,
        top_k: int,
        score: Mapping[str, float],
        table_format: str = "float32",
        retrieval_k: int | None = None,
    ) -> None:
        super().__init__()
        if top_k < 1:
            raise InputError("top_k", received=top_k, expected="a positive number")
        _check_names(state.schema, ranking.label_names, score)
        state.save(Path(folder) / "state")
        self._schema = state.schema
        self._encoder = Encoder(state, Path(folder) / "state")
        self._items = ItemStore(table, folder, with_ids=retrieval_k is not None)
        self._index = search_of(self._items, pre_ranking, retrieval_k)
        self._top_k = top_k
        self._exponents = dict(score)
        # Keras models are not tracked by TensorFlow; their variables are.
        self._heads = _Untracked(ranking=ranking, pre_ranking=pre_ranking)
        models = [m for m in (ranking, pre_ranking) if m is not None]
        for model in models:
            model.build()  # one that was never called has no variables yet
        self._tables = ServedTables(models, table_format)
        self._merged = MergedFactors(models)
        replaced = self._tables.replaced | self._merged.replaced
        self.model_variables = [
            variable.value
            for model in models
            for variable in model.variables
            if id(variable) not in replaced
        ]

    def signatures(self) -> dict[str, Any]:
        """Concrete functions by signature name."""
        with self._tables.in_use(), self._merged.in_use():
            return self._trace()

    def _trace(self) -> dict[str, Any]:
        schema = self._schema
        examples = {"examples": tf.TensorSpec([None], tf.string, "examples")}
        user = request_specs(schema, USER_ROLES, (None,))
        items = request_specs(schema, ITEM_ROLES, (None, None))
        ids = {"item_id": tf.TensorSpec([None, None], tf.string, "item_id")}
        one_item = request_specs(schema, ITEM_ROLES, (None,))
        made = {
            "serving_default": _concrete(self._pointwise, examples),
            "ranking": _concrete(self._rank, {**user, **items}),
            "ranking_by_id": _concrete(self._rank_by_id, {**user, **ids}),
        }
        if self._heads.pre_ranking is not None:
            made["pre_ranking"] = _concrete(self._pre_rank, {**user, **ids})
            made["item_encoder"] = _concrete(self._encode_items, one_item)
        if self._index is not None:
            made["retrieval"] = _concrete(self._retriever(self._index), user)
        return made

    def _pointwise(self, examples: Tensor) -> dict[str, Tensor]:
        encoded = self._encode(parse_examples(self._schema, examples))
        return self._predictions(dict(self._heads.ranking(encoded)))

    def _rank(self, **raw: Tensor) -> dict[str, Tensor]:
        user, items = self._split(raw)
        return self._ranked(user, self._encode(items))

    def _rank_by_id(self, item_id: Tensor, **raw: Tensor) -> dict[str, Tensor]:
        return self._ranked(raw, self._items.encoded(self._items.rows(item_id)))

    def _pre_rank(self, item_id: Tensor, **raw: Tensor) -> dict[str, Tensor]:
        model = self._heads.pre_ranking
        state = model.encode_user(self._encode(raw))
        stored = self._items.stored(self._items.rows(item_id))
        score = self._score(self._predictions(model.score_stored(state, stored)))
        count = tf.minimum(self._top_k, tf.shape(score)[1])
        top_score, top_index = tf.math.top_k(score, count)
        return {
            "score": score,
            "top_item_id": tf.gather(item_id, top_index, batch_dims=1),
            "top_score": top_score,
            "top_index": top_index,
        }

    def _retriever(self, index: BruteForce) -> Callable[..., dict[str, Tensor]]:
        def retrieve(**raw: Tensor) -> dict[str, Tensor]:
            model = self._heads.pre_ranking
            query = model.retrieval_query(model.encode_user(self._encode(raw)))
            products, ids = index(query)
            return {"top_item_id": ids, "top_score": products}

        return retrieve

    def _encode_items(self, **raw: Tensor) -> dict[str, Tensor]:
        stored: dict[str, Tensor] = self._heads.pre_ranking.encode_items(
            self._encode(raw)
        )
        return stored

    def _ranked(
        self, user: Mapping[str, Tensor], items: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        model = self._heads.ranking
        state = model.encode_user(self._encode(user))
        outputs = self._predictions(model.score(state, items))
        return {**outputs, "score": self._score(outputs)}

    def _score(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        parts = [
            # The power 1 of 100,000 candidates would take as long as their scores.
            probabilities[name]
            if exponent == 1
            else tf.pow(probabilities[name], exponent)
            for name, exponent in self._exponents.items()
        ]
        return functools.reduce(tf.multiply, parts)

    def _predictions(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return predictions(self._schema.labels, scores)

    def _split(self, raw: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], ...]:
        names = {column.name for column in self._schema.raw_columns(ITEM_ROLES)}
        user = {name: value for name, value in raw.items() if name not in names}
        return user, {name: value for name, value in raw.items() if name in names}

    def _encode(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        encoded: dict[str, Tensor] = self._encoder(cut(self._schema, raw))
        encoded.pop(GROUP_ID, None)
        return encoded


class _Untracked:
    """Holds the Keras models outside of TensorFlow's object graph."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _check_names(
    schema: FeatureSchema, labels: list[str], score: Mapping[str, float]
) -> None:
    """Refuses unknown labels, and names that signatures use for other tensors."""
    for name in score:
        if name not in labels:
            raise UnknownName("score", name, labels)
    if "score" in [label.name for label in schema.labels]:
        raise InputError(
            "score",
            received="a label of that name",
            expected="another name: `score` is the combined score of a candidate",
        )
    if "item_id" in [column.name for column in schema.raw_columns(USER_ROLES)]:
        raise InputError(
            "item_id",
            received="a column of the user of that name",
            expected="another name: `item_id` names the candidates of a request",
        )


def _concrete(
    function: Callable[..., dict[str, Tensor]], specs: Mapping[str, tf.TensorSpec]
) -> Any:
    return tf.function(function).get_concrete_function(**specs)
