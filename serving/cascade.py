"""The cascade: pre-rank many candidates, rank those that stay, return a list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfctr.errors import InputError
from tfctr.serving.client import PredictClient
from tfctr.serving.errors import ServingError
from tfctr.serving.feature_values import request_inputs
from tfctr.serving.item_features import ItemSource, item_inputs
from tfctr.serving.signatures import ModelMetadata, Signature, TensorSpec

if TYPE_CHECKING:
    from tfctr.features import FeatureSchema

__all__ = ["CascadeClient", "RankedItem"]

RETRIEVAL, PRE_RANKING = "retrieval", "pre_ranking"
RANKING, RANKING_BY_ID = "ranking", "ranking_by_id"
SCORE = "score"


@dataclass(frozen=True)
class RankedItem:
    """One item of the final list, with what both stages said about it.

    Args:
        item_id: The candidate.
        pre_ranking_score: Score that kept it in the first stage.
        ranking_score: Score that the list is ordered by.
        probabilities: Probability of each label.
    """

    item_id: str
    pre_ranking_score: float
    ranking_score: float
    probabilities: dict[str, float]


class CascadeClient:
    """Does what a backend does: pre-rank all candidates, rank the best of them.

    The first stage calls `pre_ranking`, the second `ranking_by_id` where the model
    has it, else `ranking` with item features from `items`. More candidates than
    `max_candidates_per_call` are cut into several calls. What the model expects is
    read from its metadata, once, and again after a request was refused, because a new
    version may expect something else.

    Args:
        client: Connection to the model.
        schema: What the features are. With it, lists of values and histories are
            told apart and vectors are checked; without it the signature decides.
        items: Item features for `ranking`: a table from id to features, or a function
            from `N` ids to arrays `[N, ...]` by feature name.
        item_id: Name of the input that takes ids; exports call it `"item_id"`.
        max_candidates_per_call: Most candidates in one request.
    """

    def __init__(
        self,
        client: PredictClient,
        *,
        schema: "FeatureSchema | None" = None,
        items: ItemSource | None = None,
        item_id: str = "item_id",
        max_candidates_per_call: int = 2000,
    ) -> None:
        _check_positive("max_candidates_per_call", max_candidates_per_call)
        self.client = client
        self.schema = schema
        self.items = items
        self.item_id = item_id
        self.max_candidates_per_call = max_candidates_per_call
        self._metadata: ModelMetadata | None = None

    def rank(
        self,
        user_features: Mapping[str, Any],
        item_ids: Sequence[str],
        *,
        pre_rank_to: int = 200,
        return_count: int = 10,
    ) -> list[RankedItem]:
        """The best of `item_ids` for one user, best first.

        Equal scores keep the order of the first stage, there the order given. An id
        that comes several times is scored and returned once. Features that are not
        given are missing; histories keep their most recent events.

        Args:
            user_features: Raw user, context and sequence features of one request.
            item_ids: Candidates.
            pre_rank_to: How many candidates the first stage keeps.
            return_count: Length of the list.

        Raises:
            InputError: A feature of a wrong type, or a model without the signatures.
            UnknownName: A feature that the model does not have.
            ServingError: The server refused a request or did not answer.
        """
        _check_positive("pre_rank_to", pre_rank_to)
        _check_positive("return_count", return_count)
        ids = _distinct(item_ids)
        if not ids:
            return []
        return self._ask(user_features, ids, pre_rank_to)[:return_count]

    def recommend(
        self,
        user_features: Mapping[str, Any],
        *,
        pre_rank_to: int = 200,
        return_count: int = 10,
    ) -> list[RankedItem]:
        """The best of the whole catalogue for one user: `rank` of what was retrieved.

        The model's `retrieval` signature says how many candidates the search finds.

        Args:
            user_features: As for `rank`.
            pre_rank_to: As for `rank`.
            return_count: As for `rank`.

        Raises:
            InputError: As for `rank`; also where the model has no `retrieval`.
            UnknownName: As for `rank`.
            ServingError: As for `rank`.
        """
        _check_positive("pre_rank_to", pre_rank_to)
        _check_positive("return_count", return_count)
        return self._ask(user_features, None, pre_rank_to)[:return_count]

    def _ask(
        self, user_features: Mapping[str, Any], ids: list[str] | None, pre_rank_to: int
    ) -> list[RankedItem]:
        before, self._metadata = self._metadata, self._metadata or self._read()
        try:
            return self._rank(user_features, ids, pre_rank_to)
        except (ServingError, InputError) as error:
            refused = isinstance(error, InputError) or error.code == "INVALID_ARGUMENT"
            if before is None or not refused:
                raise
            self._metadata = self._read()
            if self._metadata.signatures == before.signatures:
                raise
            return self._rank(user_features, ids, pre_rank_to)

    def _read(self) -> ModelMetadata:
        return self.client.metadata()

    def _rank(
        self, user_features: Mapping[str, Any], ids: list[str] | None, pre_rank_to: int
    ) -> list[RankedItem]:
        metadata = self._metadata or self._read()
        first = metadata.signature(PRE_RANKING)
        by_id = RANKING_BY_ID in metadata.signatures
        second = metadata.signature(RANKING_BY_ID if by_id else RANKING)
        item_names = self._item_names(first, second, by_id)
        specs = {**second.inputs, **first.inputs}
        given = request_inputs(
            [spec for name, spec in specs.items() if name not in item_names],
            user_features,
            self.schema,
        )
        if ids is None:
            ids = self._retrieve(_among(metadata.signature(RETRIEVAL), given))
        kept, scores = self._pre_rank(_among(first, given), ids, pre_rank_to)
        kept_ids = [ids[index] for index in kept]
        items = {name: second.inputs[name] for name in item_names & {*second.inputs}}
        outputs = self._call_ranking(_among(second, given), items, kept_ids, by_id)
        order = np.argsort(-outputs[SCORE], kind="stable")
        return [
            RankedItem(
                kept_ids[at],
                float(scores[at]),
                float(outputs[SCORE][at]),
                {k: float(v[at]) for k, v in outputs.items() if k != SCORE},
            )
            for at in order
        ]

    def _item_names(self, first: Signature, second: Signature, by_id: bool) -> set[str]:
        """Inputs that describe candidates: the id, and what only `ranking` takes."""
        if by_id:
            return {self.item_id}
        if self.items is None:
            raise InputError(
                "items",
                received="nothing",
                expected="item features, because the model has no `ranking_by_id`",
                hint="Give the cascade a table or a function.",
            )
        return {self.item_id, *(set(second.inputs) - set(first.inputs))}

    def _retrieve(self, user: dict[str, np.ndarray]) -> list[str]:
        """Ids of the candidates that a search among all items finds."""
        found = self.client.predict(
            user, RETRIEVAL, output_filter=["top_item_id", "top_score"]
        )
        return [
            item.decode() if isinstance(item, bytes) else str(item)
            for item in found["top_item_id"][0]
        ]

    def _pre_rank(
        self, user: dict[str, np.ndarray], ids: list[str], keep: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions and scores of the `keep` best ids, best first."""
        positions, scores = [], []
        for start, chunk in self._chunks(ids):
            outputs = self.client.predict(
                {**user, self.item_id: [chunk]},
                PRE_RANKING,
                output_filter=[SCORE, "top_index", "top_score"],
            )
            index, score = _best(outputs, min(keep, len(chunk)))
            positions.append(index + start)
            scores.append(score)
        merged, score = np.concatenate(positions), np.concatenate(scores)
        best = np.lexsort((merged, -score))[:keep]
        return merged[best], score[best]

    def _call_ranking(
        self,
        user: dict[str, np.ndarray],
        items: dict[str, TensorSpec],
        ids: list[str],
        by_id: bool,
    ) -> dict[str, np.ndarray]:
        """All outputs of the second stage, `(N,)` each."""
        answers = []
        for _, chunk in self._chunks(ids):
            if by_id or self.items is None:
                inputs: dict[str, Any] = {self.item_id: [chunk]}
            else:
                column = self.schema.item_id if self.schema else self.item_id
                inputs = item_inputs(self.items, items, chunk, column)
            name = RANKING_BY_ID if by_id else RANKING
            answers.append(self.client.predict({**user, **inputs}, name))
        return {k: np.concatenate([a[k][0] for a in answers]) for k in answers[0]}

    def _chunks(self, ids: list[str]) -> Iterator[tuple[int, list[str]]]:
        for start in range(0, len(ids), self.max_candidates_per_call):
            yield start, ids[start : start + self.max_candidates_per_call]


def _best(outputs: dict[str, np.ndarray], keep: int) -> tuple[np.ndarray, np.ndarray]:
    """The model's own top list where it is long enough, else by sorting scores."""
    if outputs["top_index"].shape[1] >= keep:
        index = outputs["top_index"][0, :keep].astype(np.int64)
        return index, outputs["top_score"][0, :keep]
    index = np.argsort(-outputs[SCORE][0], kind="stable")[:keep]
    return index, outputs[SCORE][0][index]


def _among(
    signature: Signature, inputs: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    return {name: value for name, value in inputs.items() if name in signature.inputs}


def _distinct(item_ids: Sequence[str]) -> list[str]:
    if isinstance(item_ids, str | bytes):
        raise InputError("item_ids", received=repr(item_ids), expected="a list of ids")
    for item in item_ids:
        if not isinstance(item, str):
            raise InputError(
                "item_ids",
                received=f"{type(item).__name__} {item!r:.40}",
                expected="text",
            )
    return list(dict.fromkeys(item_ids))


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise InputError(name, received=value, expected="at least 1")
