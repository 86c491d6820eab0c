"""Whether a model gets worse after its first epoch, and what it would cost."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfctr import metrics
from tfctr.data.batches import encode_frame
from tfctr.data.cells import Array
from tfctr.errors import InputError
from tfctr.training.config import TrainingConfig
from tfctr.training.fitting import load_tables, make_model
from tfctr.training.runs import training_window

if TYPE_CHECKING:
    import pandas as pd

    from tfctr.data import Dataset

__all__ = ["EpochMetrics", "OneEpochDiagnosis", "diagnose_one_epoch"]

# Training examples of the rarer one of user and item, from, up to.
BUCKETS = ((0, 0), (1, 9), (10, 99), (100, 999), (1000, None))
MARGIN = 0.001


@dataclass(frozen=True)
class EpochMetrics:
    """How good a model is after each epoch, on one part of the test examples.

    Attributes:
        examples: Number of them.
        auc: AUC after each epoch; NaN where a class is missing.
        log_loss: Log loss after each epoch.
    """

    examples: int
    auc: tuple[float, ...]
    log_loss: tuple[float, ...]


@dataclass(frozen=True)
class OneEpochDiagnosis:
    """What `diagnose_one_epoch` found.

    Attributes:
        model: Name of the model.
        overall: Metrics on all test examples.
        by_frequency: Metrics by how many training examples have the rarer one of an
            example's user and item.
        train_loss: Mean training loss of each epoch.
    """

    model: str
    overall: EpochMetrics
    by_frequency: dict[str, EpochMetrics]
    train_loss: tuple[float, ...]

    @property
    def is_there(self) -> bool:
        """Whether AUC after the second epoch is lower, and log loss higher."""
        first, second = self.overall.auc[:2]
        is_worse = self.overall.log_loss[1] > self.overall.log_loss[0]
        return bool(first - second >= MARGIN and is_worse)

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest log loss, from 1."""
        return int(np.argmin(self.overall.log_loss)) + 1

    @property
    def cost(self) -> tuple[float, float]:
        """What training to the end changes: AUC and log loss, last less best epoch."""
        best = self.best_epoch - 1
        auc, loss = self.overall.auc, self.overall.log_loss
        return auc[-1] - auc[best], loss[-1] - loss[best]

    def to_markdown(self) -> str:
        """The verdict, and a table of metrics by epoch."""
        count = len(self.train_loss)
        auc, loss = self.cost
        if self.is_there:
            verdict = (
                "The one-epoch drop is there: the second epoch lowers the AUC by "
                f"{self.overall.auc[0] - self.overall.auc[1]:.4f}."
            )
        elif self.best_epoch < count:
            verdict = (
                "There is no one-epoch drop, but the model overfits after epoch "
                f"{self.best_epoch}."
            )
        else:
            verdict = f"There is no drop within {count} epochs."
        cost = (
            f" Epoch {count} instead of epoch {self.best_epoch} costs {-auc:.4f} of "
            f"AUC and {loss:.4f} of log loss."
            if self.best_epoch < count
            else ""
        )
        epochs = " | ".join(f"epoch {k + 1}" for k in range(count))
        parts = {"all": self.overall, **self.by_frequency}
        lines = [
            verdict + cost,
            "",
            f"| examples of the rarer id | test examples | metric | {epochs} |",
            "|---|---:|---|" + "---:|" * count,
        ]
        for name, part in parts.items():
            for metric in ("auc", "log_loss"):
                values = " | ".join(f"{v:.4f}" for v in getattr(part, metric))
                lines.append(f"| {name} | {part.examples:,} | {metric} | {values} |")
        values = " | ".join(f"{v:.4f}" for v in self.train_loss)
        lines.append(f"| all | | loss in training | {values} |")
        return "\n".join(lines) + "\n"

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws AUC and log loss by epoch, a line for each frequency, to a file.

        Args:
            path: The file; its ending says the format, such as `.png` or `.svg`.
        """
        # It takes half a second to import, and only plots need it.
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 4), layout="constrained")
        epochs = range(1, len(self.train_loss) + 1)
        titles = {"auc": "AUC", "log_loss": "log loss"}
        for axes, metric in zip(figure.subplots(1, 2), titles, strict=True):
            axes.plot(epochs, getattr(self.overall, metric), "k-o", label="all")
            for name, part in self.by_frequency.items():
                axes.plot(epochs, getattr(part, metric), "--.", label=name)
            axes.set(xlabel="epoch", title=f"test {titles[metric]}", xticks=epochs)
        axes.legend(title="examples of the rarer id")
        figure.savefig(path)


def diagnose_one_epoch(
    config: TrainingConfig, dataset: "Dataset", *, epochs: int = 5
) -> OneEpochDiagnosis:
    """Trains a model for several epochs and measures it after each on the test part.

    The test part is fixed: data of the next day would hide the drop, since it holds
    what the model has not seen either way.

    Args:
        config: Model, batch size and learning rate; its epochs and patience do not
            count.
        dataset: Its train part is trained on.
        epochs: Number of epochs, at least 2.

    Raises:
        InputError: There are too few epochs, the model learns in another form, or the
            first label is a value.
    """
    _check(config, dataset, epochs)
    model = make_model(config, dataset.schema)
    load_tables(model, config, dataset.state, training_window(dataset, config))
    x, y, *given = encode_frame(dataset.test, dataset.state)
    label = dataset.schema.labels[0].name
    weights = given[0][label] if given else np.ones(len(y[label]))
    parts = {"all": np.full(len(y[label]), True), **_buckets(dataset)}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
    losses = []
    for epoch in range(epochs):
        order = config.seed + epoch
        batches = dataset.to_dataset("train", config.batch_size, seed=order)
        losses.append(float(model.fit(batches, verbose=0).history["loss"][0]))
        chances = _sigmoid(model.predict(x)[label])
        for name, rows in parts.items():
            arguments = (y[label][rows], chances[rows], weights[rows])
            found[name].append((metrics.auc(*arguments), metrics.log_loss(*arguments)))
    overall, *others = (
        EpochMetrics(int(parts[name].sum()), *zip(*values, strict=True))
        for name, values in found.items()
    )
    names = list(parts)[1:]
    return OneEpochDiagnosis(
        config.model, overall, dict(zip(names, others, strict=True)), tuple(losses)
    )


def _buckets(dataset: "Dataset") -> dict[str, Array]:
    """Test rows by how often training saw the rarer one of their ids."""
    schema = dataset.schema
    counts = [
        _counts(dataset.train, dataset.test, name)
        for name in (schema.user_id, schema.item_id)
    ]
    rarer = np.minimum(*counts)
    found = {}
    for low, high in BUCKETS:
        rows = rarer >= low
        name = f"{low} and more"
        if high is not None:
            rows &= rarer <= high
            name = str(low) if low == high else f"{low} to {high}"
        if rows.any():
            found[name] = rows
    return found


def _counts(train: "pd.DataFrame", test: "pd.DataFrame", name: str) -> Array:
    counts = train[name].value_counts()
    found: Array = test[name].map(counts).fillna(0).to_numpy().astype("int64")
    return found


def _check(config: TrainingConfig, dataset: "Dataset", epochs: int) -> None:
    if epochs < 2:
        raise InputError("epochs", received=epochs, expected="at least 2")
    for name in ("distillation", "form"):
        if getattr(config, name) not in (None, "examples"):
            raise InputError(
                name, received=getattr(config, name), expected="plain examples"
            )
    first = dataset.schema.labels[0]
    if first.is_value:
        raise InputError(
            f"labels.{first.name}",
            received="a value",
            expected="0 or 1, to have an AUC",
        )


def _sigmoid(logits: Iterable[float]) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.asarray(logits, "float64"))))
