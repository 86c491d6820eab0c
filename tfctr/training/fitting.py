"""From a training configuration and two datasets to a trained model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tfctr import models, optimizers
from tfctr.calibration import calibrate, check_slices
from tfctr.data.reading import ExampleReader
from tfctr.errors import InputError
from tfctr.features import FeatureSchema, SchemaState
from tfctr.models import RankingModel
from tfctr.training.arguments import check_arguments
from tfctr.training.config import TrainingConfig
from tfctr.training.fresh_tables import FreshTables
from tfctr.training.pretrained import Window, load_pretrained
from tfctr.training.resuming import ResumableTraining
from tfctr.training.stop_each_task import StopEachTask
from tfctr.training.strategy import make_strategy, shared_data, without_strategy
from tfctr.training.table_dropout import drop_rows
from tfctr.training.vectors import load_vectors, with_widths
from tfctr.training.warm_start import begin_with

__all__ = ["load_tables", "make_model", "train"]


def make_model(config: TrainingConfig, schema: FeatureSchema) -> RankingModel:
    """The model that `config` names, compiled, in the scope of its strategy.

    Args:
        config: The configuration.
        schema: The schema, with sizes.

    Raises:
        UnknownName: There is no such model, or it has no such argument.
        InputError: The model refuses a value.
    """
    cls = models.get(config.model)
    check_arguments(cls, config.arguments)
    if config.calibration is not None and issubclass(cls, models.PreRankingModel):
        raise InputError(
            "calibration",
            received=f"one of {config.model}, which stores its items",
            expected="none: its scores are compared, and cut, by rank alone",
        )
    arguments = with_widths(cls, config.arguments, config.vectors)
    with make_strategy(config.strategy).scope():
        try:
            model = cls(schema, seed=config.seed, **arguments)
        except TypeError as error:
            raise InputError(
                f"{config.model} arguments",
                received=config.arguments,
                expected="values of the documented types",
                hint=str(error),
            ) from error
        if config.calibration is not None:  # before any work is lost
            check_slices(model, config.calibration.slices)
        model.compile(
            optimizer=optimizers.default(
                config.learning_rate, frequency_adaptive=config.frequency_adaptive
            ),
            tasks=config.made_tasks(),
            balance=config.balance,
        )
        if config.table_dropout:
            drop_rows(model, config.table_dropout)
    return model


def train(
    config: TrainingConfig,
    schema: FeatureSchema,
    training_data: Any,
    validation_data: Any,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoints: str | Path | None = None,
    verbose: Any = "auto",
    teacher: RankingModel | None = None,
    state: SchemaState | None = None,
    window: Window | None = None,
    start: RankingModel | None = None,
) -> RankingModel:
    """Trains the model that `config` names with plain `fit`.

    Args:
        config: The configuration.
        schema: The schema, with sizes.
        training_data: Batches of `(x, y)` or `(x, y, w)`, or a reader of them.
        validation_data: Likewise, later in time.
        callbacks: More callbacks for `fit`.
        checkpoints: Folder for checkpoints: a training that was killed goes on from
            the last one there. The data must be a reader then, and the strategy
            `"single"`.
        verbose: As for `fit`.
        teacher: The model that `config.distillation` speaks of.
        state: The vocabularies, by which `config.pretrained` finds its rows.
        window: Time of the training data; tables must be of an earlier one.
        start: A model of the same class, arguments and schema (`carry_over` makes one
            for new vocabularies) whose weights the new one begins with. The optimizer
            starts anew.

    Returns:
        The trained model; with `patience`, at its best epoch; with `calibration`,
        inside a `tfctr.models.Calibrated`. It belongs to no strategy, whichever trained
        it; with several workers, each has the same one.

    Raises:
        InputError: The checkpoints are of another training, the data has no
            positions to go on from or cannot be shared among replicas, there are not
            the devices that the strategy needs, or `start` is another model.
    """
    strategy = make_strategy(config.strategy)
    model = make_model(config, schema)
    if start is not None:
        begin_with(model, start)
    _be_taught(model, config, teacher)
    load_tables(model, config, state, window)
    stop = _stopping(config)
    anew = [FreshTables()] if config.fresh_tables else []
    resume = (
        [_resuming(checkpoints, training_data, config, stop)] if checkpoints else []
    )
    model.fit(
        shared_data(training_data, strategy),
        validation_data=shared_data(validation_data, strategy),
        epochs=config.epochs,
        callbacks=[*anew, *stop, keras.callbacks.TerminateOnNaN(), *callbacks, *resume],
        verbose=verbose,
    )
    trained: RankingModel = model
    if config.strategy != "single":
        plain = config.model_copy(update={"strategy": "single"})
        trained = without_strategy(model, lambda: make_model(plain, schema))
    return _calibrated(trained, config, validation_data)


def _calibrated(
    model: RankingModel, config: TrainingConfig, validation_data: Any
) -> RankingModel:
    how = config.calibration
    if how is None:
        return model
    settings = how.model_dump()
    if how.negative_rate is not None:
        made = calibrate(model, negative_rate=how.negative_rate)
    else:
        settings.pop("negative_rate")
        batches = shared_data(validation_data, make_strategy("single"))
        made = calibrate(model, batches, **settings)
    made.history = model.history
    return made


def _stopping(config: TrainingConfig) -> list[keras.callbacks.Callback]:
    if config.stopping == "each_task":
        _check_each_task(config)
        return [StopEachTask(config.patience)]
    if not config.patience:
        return []
    return [
        keras.callbacks.EarlyStopping(
            monitor="val_loss",
            mode="min",
            patience=config.patience,
            restore_best_weights=True,
        )
    ]


def _check_each_task(config: TrainingConfig) -> None:
    for name, value, right, expected in (
        ("patience", config.patience, config.patience > 0, "at least 1"),
        ("strategy", config.strategy, config.strategy == "single", "'single'"),
    ):
        if not right:
            raise InputError(
                name,
                received=f"{value!r}, with stopping 'each_task'",
                expected=expected,
            )


def _be_taught(
    model: RankingModel, config: TrainingConfig, teacher: RankingModel | None
) -> None:
    how = config.distillation
    if how is None:
        return
    if teacher is None:
        raise InputError("teacher", received=None, expected=f"the {how.teacher} model")
    if config.strategy != "single":
        raise InputError(
            "strategy",
            received=f"{config.strategy!r} with distillation",
            expected="'single': the teacher's weights are on one device",
        )
    model.learn_from(
        teacher, kind=how.kind, weight=how.weight, temperature=how.temperature
    )


def load_tables(
    model: RankingModel,
    config: TrainingConfig,
    state: SchemaState | None,
    window: Window | None,
) -> None:
    """Puts the tables and vectors that `config` names into a new model.

    Args:
        model: The model.
        config: The configuration.
        state: The vocabularies of the model.
        window: Time of the training data.

    Raises:
        InputError: As `load_pretrained` and `load_vectors`, or the state is missing.
    """
    if config.pretrained is None and not config.vectors:
        return
    if state is None:
        raise InputError(
            "state", received=None, expected="the vocabularies of the tables' rows"
        )
    one_process = ["single"] if config.pretrained else ["single", "mirrored"]
    if config.strategy not in one_process:
        raise InputError(
            "strategy",
            received=f"{config.strategy!r} with tables",
            expected=" or ".join(map(repr, one_process)),
        )
    with make_strategy(config.strategy).scope():
        load_vectors(model, config.vectors, state)
    if config.pretrained is None:
        return
    settings = config.pretrained.model_dump()
    folder = settings.pop("folder")
    load_pretrained(model, folder, state, ranker_window=window, **settings)


def _resuming(
    folder: str | Path,
    reader: Any,
    config: TrainingConfig,
    stop: Sequence[keras.callbacks.Callback],
) -> ResumableTraining:
    if not isinstance(reader, ExampleReader):
        raise InputError(
            "training_data",
            received=f"{type(reader).__name__} with checkpoints",
            expected="a reader, which can start at any batch",
            hint="Make it with `tfctr.data.read_examples`.",
        )
    if config.fresh_tables:
        raise InputError(
            "fresh_tables",
            received="with checkpoints",
            expected="one of them: an epoch that goes on must keep its tables",
        )
    if config.strategy not in ("single", "mirrored"):
        raise InputError(
            "checkpoints",
            received=f"a folder, with strategy {config.strategy!r}",
            expected="strategy 'single' or 'mirrored', which are one process",
        )
    every = config.checkpoint_every
    return ResumableTraining(folder, reader, every=every, callbacks=stop)
