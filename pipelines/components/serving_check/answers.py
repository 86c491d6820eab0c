"""Answers over gRPC against the model in memory, signature by signature."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfctr.features import parse_examples
from tfctr.features.encoding import text_values
from tfctr.models import RankingModel
from tfctr.pipelines.trained import Trained
from tfctr.serving import PredictClient, launch
from tfctr.types import Tensor

__all__ = ["differences_over_grpc", "in_memory"]

RECORDS_IN_A_REQUEST = 100
USER_ROLES = ("user", "context", "sequence")
Arrays = dict[str, np.ndarray]


def differences_over_grpc(
    model: Path, trained: Trained, records: list[bytes], serving: Mapping[str, Any]
) -> dict[str, float]:
    """Largest difference of each signature from memory.

    Args:
        model: Folder of the SavedModel.
        trained: The heads in memory.
        records: Serialised raw examples, sent as they are and as raw features.
        serving: Fields of `ServingConfig`.

    Returns:
        `max |over gRPC - in memory|` by signature; infinite where an answer is not
        finite.

    Raises:
        ServingError: The server does not start, or refuses a request.
    """
    largest: dict[str, float] = {}
    known = _item_ids(model, trained)
    name, seconds = serving["model_name"], serving["startup_seconds"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "1").symlink_to(model.absolute(), target_is_directory=True)
        server = launch(
            folder,
            name,
            backend="embedded",
            ready_timeout=seconds,
            report=lambda line: None,
        )
        with server, PredictClient(server.address, name, timeout=seconds) as client:
            for start in range(0, len(records), RECORDS_IN_A_REQUEST):
                batch = records[start : start + RECORDS_IN_A_REQUEST]
                answers = _ask(client.predict, trained, batch)
                expected = in_memory(trained, batch, serving["score"])
                _compare(largest, answers, expected, _is_known(trained, batch, known))
    return largest


def in_memory(
    trained: Trained, records: list[bytes], score: Mapping[str, float] | None
) -> dict[str, Arrays]:
    """What the signatures must answer, computed by the Keras models.

    Args:
        trained: The heads.
        records: Serialised raw examples.
        score: Exponent of each label in `score`; the first label alone if `None`.
    """
    encoded = trained.state.encode(parse_examples(trained.state.schema, records))
    score = score or {trained.ranking.label_names[0]: 1.0}
    ranked = _predictions(trained.ranking, trained.ranking(encoded))
    pre_ranked = _predictions(trained.pre_ranking, trained.pre_ranking(encoded))
    combined = {"score": _combined(ranked, score)}
    return {
        "serving_default": ranked,
        "ranking": {**ranked, **combined},
        "ranking_by_id": {**ranked, **combined},
        "pre_ranking": {"score": _combined(pre_ranked, score)},
    }


def _ask(
    predict: Callable[..., Arrays], trained: Trained, records: list[bytes]
) -> dict[str, Arrays]:
    """Answers of each signature, one candidate a request."""
    schema = trained.state.schema
    raw = {n: v.numpy() for n, v in parse_examples(schema, records).items()}
    user = {c.name: raw[c.name] for c in schema.raw_columns(USER_ROLES)}
    item = {c.name: raw[c.name][:, None] for c in schema.raw_columns(("item",))}
    ids = {"item_id": _texts(raw[schema.item_id])[:, None]}
    asked = {
        "serving_default": {"examples": np.array(records, object)},
        "ranking": {**user, **item},
        "ranking_by_id": {**user, **ids},
        "pre_ranking": {**user, **ids},
    }
    return {name: predict(inputs, name) for name, inputs in asked.items()}


def _compare(
    largest: dict[str, float],
    answers: Mapping[str, Arrays],
    expected: Mapping[str, Arrays],
    is_known: np.ndarray,
) -> None:
    for signature, outputs in expected.items():
        by_id = signature in ("ranking_by_id", "pre_ranking")
        rows = is_known if by_id else np.ones_like(is_known)
        for name, values in outputs.items():
            answer = answers[signature][name].reshape(len(values))
            gap = np.abs(answer - values)[rows].max(initial=0.0)
            gap = float(gap) if np.isfinite(answer).all() else float("inf")
            largest[signature] = max(largest.get(signature, 0.0), gap)


def _item_ids(model: Path, trained: Trained) -> set[bytes]:
    """Ids that the store has; of others it knows less than the example says."""
    items = pd.read_parquet(model / "assets.extra" / "items.parquet")
    return {str(v).encode() for v in items[trained.state.schema.item_id]}


def _is_known(trained: Trained, records: list[bytes], known: set[bytes]) -> np.ndarray:
    schema = trained.state.schema
    ids = _texts(parse_examples(schema, records)[schema.item_id])
    return np.array([item in known for item in ids])


def _texts(ids: Any) -> np.ndarray:
    texts: np.ndarray = text_values(tf.convert_to_tensor(ids)).numpy()
    return texts


def _predictions(model: RankingModel, scores: Mapping[str, Tensor]) -> Arrays:
    return {name: value.numpy() for name, value in model.predictions(scores).items()}


def _combined(probabilities: Arrays, score: Mapping[str, float]) -> np.ndarray:
    parts = [probabilities[name] ** exponent for name, exponent in score.items()]
    product: np.ndarray = np.prod(parts, axis=0)
    return product
