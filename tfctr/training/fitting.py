"""From a training configuration and two datasets to a trained model."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfctr import models, optimizers
from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.models import RankingModel
from tfctr.training.config import TrainingConfig

__all__ = ["check_arguments", "make_model", "train"]


def make_model(config: TrainingConfig, schema: FeatureSchema) -> RankingModel:
    """The model that `config` names, compiled.

    Args:
        config: The configuration.
        schema: The schema, with sizes.

    Raises:
        UnknownName: There is no such model, or it has no such argument.
        InputError: The model refuses a value.
    """
    cls = models.get(config.model)
    check_arguments(cls, config.arguments)
    try:
        model = cls(schema, seed=config.seed, **config.arguments)
    except TypeError as error:
        raise InputError(
            f"{config.model} arguments",
            received=config.arguments,
            expected="values of the documented types",
            hint=str(error),
        ) from error
    model.compile(optimizer=optimizers.default(config.learning_rate))
    return model


def train(
    config: TrainingConfig,
    schema: FeatureSchema,
    training_data: Any,
    validation_data: Any,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = "auto",
) -> RankingModel:
    """Trains the model that `config` names with plain `fit`.

    Args:
        config: The configuration.
        schema: The schema, with sizes.
        training_data: Batches of `(x, y)` or `(x, y, w)`.
        validation_data: Likewise, later in time.
        callbacks: More callbacks for `fit`.
        verbose: As for `fit`.

    Returns:
        The trained model; with `patience`, at its best epoch.
    """
    model = make_model(config, schema)
    stop = (
        [
            keras.callbacks.EarlyStopping(
                monitor="val_loss",
                mode="min",
                patience=config.patience,
                restore_best_weights=True,
            )
        ]
        if config.patience
        else []
    )
    model.fit(
        training_data,
        validation_data=validation_data,
        epochs=config.epochs,
        callbacks=[*stop, keras.callbacks.TerminateOnNaN(), *callbacks],
        verbose=verbose,
    )
    return model


def check_arguments(
    cls: type[RankingModel], arguments: Mapping[str, Any], *, field: str = ""
) -> None:
    """Refuses arguments that a model does not have.

    Args:
        cls: The model class.
        arguments: Arguments by name.
        field: Name of the configuration key, for the error; that of the class if empty.

    Raises:
        UnknownName: Offers the nearest argument.
    """
    known = [
        name
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name != "seed"
    ]
    for name in arguments:
        if name not in [*known, "dtype"]:
            raise UnknownName(field or f"{cls.__name__} argument", name, known)
