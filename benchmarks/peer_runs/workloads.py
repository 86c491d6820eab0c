"""The workloads and their data: made once, read by every library."""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

__all__ = ["WORKLOADS", "Arrays", "Workload", "load", "written"]

PARTS = ("train", "valid")
COLUMNS = ("ids", "history", "label")
NUM_FREQUENT = 30
NUM_TOPICS = 10


@dataclass(frozen=True)
class Workload:
    """Sizes and hyper-parameters, the same for every library.

    Args:
        name: Name in the table.
        model: `"deepfm"` or `"din"`.
        rows: Rows of the only epoch.
        valid_rows: Rows that are predicted.
        fields: Number of categorical fields.
        values: Values of each field; ids are `1..values`, 0 is padding.
        history: Longest history of ids of the first field; 0 without one.
        shortest: Shortest history.
        dim: Width of the embeddings.
        hidden_units: Widths of the MLP.
        attention_units: Widths of the attention's MLP.
        batch_size: Rows of a batch, in training and in prediction.
        learning_rate: Of Adam.
        deviation: Of the initial values of embeddings (normal); it decides how far one
            epoch comes, so that it has to be the same for all.
        skip: First steps that the steady state leaves out; the last is left out too.
        seed: Seed of the data and of the initial values.
    """

    name: str
    model: str = "deepfm"
    rows: int = 200_000
    valid_rows: int = 20_000
    fields: int = 26
    values: int = 10_000
    history: int = 0
    shortest: int = 5
    dim: int = 16
    hidden_units: tuple[int, ...] = (256, 128, 64)
    attention_units: tuple[int, ...] = (64,)
    batch_size: int = 4_096
    learning_rate: float = 1e-3
    deviation: float = 0.05
    skip: int = 6
    seed: int = 2026

    @property
    def steps(self) -> int:
        return -(-self.rows // self.batch_size)

    @property
    def field_names(self) -> list[str]:
        return [f"field_{place:02d}" for place in range(self.fields)]

    def shortened(self, rows: int) -> "Workload":
        """The same with fewer rows, for a quick look."""
        steps = -(-rows // self.batch_size)
        valid_rows = min(self.valid_rows, rows)
        skip = min(self.skip, max(0, steps - 2))
        return replace(self, rows=rows, valid_rows=valid_rows, skip=skip)

    def to_dict(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> "Workload":
        """Reads what `to_dict` gave, after JSON made lists of its tuples."""
        return cls(
            **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        )


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("deepfm"),
        Workload("din", model="din", history=50),
        # A dense Adam moves 26 M rows a step, so a few steps have to do.
        Workload("deepfm_1m", values=1_000_000, rows=8 * 4_096, skip=2),
    )
}


@dataclass(frozen=True)
class Arrays:
    """One part of the data.

    Attributes:
        ids: `(rows, fields)` int32.
        history: `(rows, history)` int32, padded with 0 on the right.
        label: `(rows,)` float32.
    """

    ids: np.ndarray
    history: np.ndarray
    label: np.ndarray

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Each field by its name, and `history` where there is one."""
        fields = {
            f"field_{place:02d}": np.ascontiguousarray(self.ids[:, place])
            for place in range(self.ids.shape[1])
        }
        return {**fields, **({"history": self.history} if self.history.size else {})}

    @property
    def history_lengths(self) -> np.ndarray:
        return (self.history > 0).sum(axis=1).astype("int32")


def load(folder: Path, part: str) -> Arrays:
    """Reads `"train"` or `"valid"` of a folder."""
    return Arrays(**{name: np.load(folder / f"{part}_{name}.npy") for name in COLUMNS})


def written(workload: Workload, root: Path) -> Path:
    """The folder with the workload's data, which it makes if it is not there yet."""
    sizes = {
        name: getattr(workload, name)
        for name in ("rows", "valid_rows", "fields", "values", "history", "shortest")
    }
    text = json.dumps({**sizes, "seed": workload.seed, "form": 3})
    folder = root / f"{workload.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    if folder.exists():
        return folder
    aside = root / f"{folder.name}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    both = generate(workload)
    for part in PARTS:
        for name in COLUMNS:
            np.save(aside / f"{part}_{name}.npy", getattr(both[part], name))
    aside.rename(folder)
    return folder


def generate(workload: Workload) -> dict[str, Arrays]:
    """Rows with a planted signal, by part.

    The value of a field that is its `r`-th most frequent occurs with a probability
    of about `1 / r`; which id it has is random, as after hashing. The logit of the
    label is a sum of effects of each field's most frequent values, which one epoch is
    enough to learn, and, where there is a history, the share of it in the topic of the
    first field's value.
    """
    rng = np.random.default_rng(workload.seed)
    rows = workload.rows + workload.valid_rows
    ids = np.empty((rows, workload.fields), "int32")
    logit = np.full(rows, -1.0)
    shuffled = _order(rng, workload.values)
    for place in range(workload.fields):
        order = shuffled if place == 0 else _order(rng, workload.values)
        ids[:, place] = order[_ranks(rng, workload.values, rows)]
        effects = np.zeros(workload.values + 1)
        effects[order[:NUM_FREQUENT]] = rng.normal(
            0.28 * (-1) ** place, 0.14, min(NUM_FREQUENT, workload.values)
        )
        logit += effects[ids[:, place]]
    history = np.zeros((rows, workload.history), "int32")
    if workload.history:
        history = _histories(rng, workload, shuffled, rows)
        same = (history > 0) & (history % NUM_TOPICS == ids[:, :1] % NUM_TOPICS)
        logit += same.sum(axis=1) / (history > 0).sum(axis=1) - 1.0 / NUM_TOPICS
    label = (rng.random(rows) < 1.0 / (1.0 + np.exp(-logit))).astype("float32")
    ends = {"train": slice(workload.rows), "valid": slice(workload.rows, None)}
    return {
        part: Arrays(ids[rows_of], history[rows_of], label[rows_of])
        for part, rows_of in ends.items()
    }


def _order(rng: np.random.Generator, values: int) -> np.ndarray:
    """The id of each rank."""
    return rng.permutation(np.arange(1, values + 1, dtype="int32"))


def _ranks(rng: np.random.Generator, values: int, rows: object) -> np.ndarray:
    """Ranks from 0 with `P(rank = r)` about `1 / (r + 1)`."""
    return (values ** rng.random(rows)).astype("int32") - 1


def _histories(
    rng: np.random.Generator, workload: Workload, order: np.ndarray, rows: int
) -> np.ndarray:
    """Histories of uniformly distributed lengths."""
    shape = (rows, workload.history)
    events = order[_ranks(rng, workload.values, shape)]
    lengths = rng.integers(workload.shortest, workload.history + 1, rows)
    return np.where(np.arange(workload.history) < lengths[:, None], events, 0)
