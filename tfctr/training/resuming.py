"""Training that goes on where it was killed, to the same weights."""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tfctr.data.reading import ExampleReader
from tfctr.errors import InputError
from tfctr.models import RankingModel
from tfctr.training.checkpoints import (
    newest_checkpoint,
    read_arrays,
    read_facts,
    write_checkpoint,
)
from tfctr.training.stop_each_task import StopEachTask

__all__ = ["ResumableTraining"]

# What the callbacks of Keras know that is neither a variable nor recounted.
STATES: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: ("best",),
    StopEachTask: ("best", "best_epoch", "stopped_epoch"),
}


class ResumableTraining(keras.callbacks.Callback):
    """Writes checkpoints within epochs; `fit`, called again, goes on from the last.

    The batches that follow and the final weights are those of a run that was never
    stopped: bit for bit on one device, with the same versions and numbers of threads
    (and `tf.config.experimental.enable_op_determinism()` where more than one thread
    adds up). A checkpoint holds all variables of the model, its optimizer, metrics and
    random seeds, the position in the data, the history, and the state of
    `callbacks`. It is written aside and renamed, so a half-written one never counts;
    the one before it is then removed. Each costs writing all variables: with Adam three
    times the model, plus once more for the best weights of early stopping.

    Steps before the position are skipped, not run: callbacks hear of them, with the
    metrics of the checkpoint, so that what counts steps counts right.

    When `fit` ends, the last checkpoint stays, so that a run killed between `fit` and
    saving loses little; `delete` removes it.

    Args:
        folder: Folder of the checkpoints of this run.
        reader: The reader whose `dataset()` is given to `fit`.
        every: Steps between checkpoints; epochs begin with one as well.
        callbacks: Other callbacks given to `fit` whose state is kept: `EarlyStopping`
            and `StopEachTask` with their best weights, `ReduceLROnPlateau`,
            `ModelCheckpoint`.

    Raises:
        InputError: A callback has a state that is not known; in `fit`, a checkpoint is
            of another model, optimizer, loss, data, or order.
    """

    def __init__(
        self,
        folder: str | Path,
        reader: ExampleReader,
        *,
        every: int = 1000,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        super().__init__()
        if every < 1:
            raise InputError("every", received=every, expected="at least 1")
        for callback in callbacks:
            if not isinstance(callback, tuple(STATES)):
                raise InputError(
                    "callbacks",
                    received=type(callback).__name__,
                    expected=f"some of {', '.join(kind.__name__ for kind in STATES)}",
                )
        self.folder, self.reader, self.every = Path(folder), reader, every
        self._kept = tuple(callbacks)
        self._epoch = self._saved = 0
        self._facts: dict[str, Any] | None = None
        self._checkpoint: Path | None = None
        self._identity: dict[str, str] = {}

    def delete(self) -> None:
        """Removes the checkpoints, once the trained model is safe."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def on_train_begin(self, logs: Any = None) -> None:
        self._build()
        self._identity = self._identified()
        self._checkpoint = newest_checkpoint(self.folder)
        self._facts = None
        if self._checkpoint is None:
            self.reader.seek(0)
            return
        self._facts = read_facts(self._checkpoint)
        self._check_identity(self._facts)
        if self._facts["batch"]:
            self._build_metrics()
        for group in ("model", "optimizer"):
            self._assign(self._checkpoint, group)
        # As Keras' own BackupAndRestore does it; `fit` reads it after this.
        self.model._initial_epoch = self._facts["epoch"]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        self.model._initial_epoch = None
        if self._facts is None:
            self._saved = 0
            self.reader.seek(epoch)
            self._save(0, {})
            return
        facts, self._facts = self._facts, None
        self._saved = facts["batch"]
        self.reader.seek(epoch, facts["batch"])
        self._restore(facts)
        if facts["batch"]:
            self._skip(facts["batch"], facts["logs"])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        done = min(batch + 1, self.reader.num_batches)
        if done // self.every > self._saved // self.every:
            self._saved = done
            self._save(done, logs or {})

    def on_train_end(self, logs: Any = None) -> None:
        self.model._initial_epoch = None

    def _save(self, batch: int, logs: dict[str, Any]) -> None:
        facts: dict[str, Any] = {
            "identity": self._identity,
            "epoch": self._epoch,
            "batch": batch,
            "logs": {name: float(value) for name, value in logs.items()},
            "history": _plain_history(self.model.history),
            "callbacks": [
                {name: _number(getattr(callback, name)) for name in _state_of(callback)}
                for callback in self._kept
            ],
        }
        arrays: dict[str, Any] = self._variables()
        if not batch:  # metrics begin at nothing, and in the first epoch later
            del arrays["metrics"]
        for number, callback in enumerate(self._kept):
            best = getattr(callback, "best_weights", None)
            if best is not None:
                arrays[f"best{number}"] = best
                facts["callbacks"][number]["best_weights"] = len(best)
        position = self._epoch * (self.reader.num_batches + 1) + batch
        write_checkpoint(self.folder, position, facts, arrays)

    def _restore(self, facts: dict[str, Any]) -> None:
        """What callbacks and `fit` reset at their beginning."""
        checkpoint = self._checkpoint
        if checkpoint is None:
            return
        if self._variables()["objective"]:
            self._assign(checkpoint, "objective")
        if facts["batch"]:
            self._assign(checkpoint, "metrics")
        history = self.model.history
        history.epoch, history.history = facts["history"]
        for number, callback in enumerate(self._kept):
            state = dict(facts["callbacks"][number])
            if state.pop("best_weights", None):
                like = self.model.get_weights()
                if isinstance(callback, StopEachTask):
                    like = callback.best_weights
                callback.best_weights = read_arrays(checkpoint, f"best{number}", like)
            for name, value in state.items():
                setattr(callback, name, value)

    def _assign(self, checkpoint: Path, group: str) -> None:
        variables = self._variables()[group]
        arrays = read_arrays(checkpoint, group, variables)
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def _build(self) -> None:
        """Makes all variables that have values to keep."""
        if not self.model.built and isinstance(self.model, RankingModel):
            self.model.build()
        if not self.model.built:
            raise InputError(
                "model",
                received="one without weights",
                expected="a model that is built",
                hint="Call it on a batch before `fit`.",
            )
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)

    def _build_metrics(self) -> None:
        """Makes the metrics' variables, which Keras does in a first step."""
        examples = next(self.reader.batches(0, self.reader.num_batches - 1))
        self.model.test_on_batch(*examples)
        self.model.reset_metrics()

    def _skip(self, count: int, logs: dict[str, float]) -> None:
        """Lets `fit` count steps that were done before, without doing them."""
        train = self.model.train_function
        left = -(-count // self.model.steps_per_execution)

        def train_function(iterator: Any) -> Any:
            nonlocal left
            left -= 1
            if left <= 0:
                self.model.train_function = train
            return dict(logs)

        self.model.train_function = train_function

    def _variables(self) -> dict[str, list[Any]]:
        """All variables by owner, in an order that the model's code sets."""
        metrics = [v for metric in self.model.metrics for v in metric.variables]
        optimizer = list(self.model.optimizer.variables)
        others = {id(v) for v in [*metrics, *optimizer]}
        model = [v for v in self.model.variables if id(v) not in others]
        objective = getattr(self.model, "objective", None)
        return {
            "model": model,
            "optimizer": optimizer,
            "metrics": metrics,
            "objective": [] if objective is None else objective.variables,
        }

    def _identified(self) -> dict[str, str]:
        """Short texts that tell trainings apart, by what differs."""
        model, variables = self.model, self._variables()
        kept = [*variables["model"], *variables["optimizer"]]
        try:
            config = model.get_config()
        except NotImplementedError:  # a subclass that says nothing about itself
            config = {}
        parts = {
            "model": [type(model).__name__, _named(config)],
            "set of variables": [[list(v.shape), str(v.dtype)] for v in kept],
            "loss or optimizer": _named(model.get_compile_config() or {}),
            "number of steps an execution": model.steps_per_execution,
            **self.reader.identity,
        }
        return {name: _digest(part) for name, part in parts.items()}

    def _check_identity(self, facts: dict[str, Any]) -> None:
        written = facts["identity"]
        other = [n for n, v in self._identity.items() if written.get(n) != v]
        if other:
            raise InputError(
                str(self.folder),
                received=f"a checkpoint of another {', another '.join(other)}",
                expected="one of this training",
                hint="Give the run a folder of its own, or delete this one.",
            )


def _digest(part: Any) -> str:
    text = json.dumps(part, sort_keys=True, default=lambda o: type(o).__name__)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _named(config: Any) -> Any:
    """A configuration whose names do not count how many models a process made."""
    if isinstance(config, dict):
        return {
            key: re.sub(r"_\d+$", "", value)
            if key == "name" and isinstance(value, str)
            else _named(value)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return [_named(part) for part in config]
    return config


def _state_of(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    return next(names for kind, names in STATES.items() if isinstance(callback, kind))


def _number(value: Any) -> Any:
    """A count as it is, a metric as a float, or a dict of them, for JSON."""
    if isinstance(value, dict):
        return {name: _number(one) for name, one in value.items()}
    return value if value is None or isinstance(value, int) else float(value)


def _plain_history(history: Any) -> list[Any]:
    values = {name: list(map(float, v)) for name, v in history.history.items()}
    return [list(history.epoch), values]
