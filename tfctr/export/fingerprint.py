"""What tells one checkpoint from another."""

import hashlib
import json

import numpy as np

from tfctr.features import SchemaState
from tfctr.models import RankingModel

__all__ = ["checkpoint_fingerprint"]

ROWS_AT_ONCE = 1 << 16


def checkpoint_fingerprint(model: RankingModel, state: SchemaState) -> str:
    """A digest of a model's class, arguments and weights, and of its schema.

    Vectors and codes of items mean something only to the model that made them, and
    ids of categories only with the vocabularies that gave them. Equal checkpoints have
    equal fingerprints, also after saving and loading; the model's name has no say.

    Args:
        model: A model; one that was never called is built.
        state: What was learnt, with the vocabularies.

    Returns:
        64 hexadecimal digits (SHA-256).
    """
    model.build()
    digest = hashlib.sha256()
    config = {k: v for k, v in model.get_config().items() if k != "name"}
    vocabularies = {name: list(v) for name, v in state.vocabularies.items()}
    for part in (type(model).__name__, config, state.schema.to_dict(), vocabularies):
        digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    for weight in model.weights:
        value = weight.value
        digest.update(f"{value.dtype.name}{tuple(value.shape)}".encode())
        # By parts, so that no second copy of a large table is made.
        count = value.shape[0] if value.shape.rank else 0
        for start in range(0, count, ROWS_AT_ONCE):
            rows = np.asarray(value[start : start + ROWS_AT_ONCE])
            digest.update(rows.tobytes())
        if not value.shape.rank:
            digest.update(np.asarray(value).tobytes())
    return digest.hexdigest()
