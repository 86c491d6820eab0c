"""Training of both heads, as TFX's Trainer runs it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

import tfctr.models
from tfctr.errors import InputError
from tfctr.features import FeatureSchema, SchemaState
from tfctr.models import RankingModel
from tfctr.pipelines.examples import training_dataset, training_requests
from tfctr.pipelines.preprocessing import state_from_transform
from tfctr.pipelines.pretraining_config import TABLES
from tfctr.pipelines.sequence_examples import (
    is_sequence_file,
    sequence_training_dataset,
)
from tfctr.pipelines.trained import Trained
from tfctr.pipelines.warm_start import heads_for
from tfctr.training import TrainingConfig, check_arguments, train
from tfctr.training.pretrained import Window
from tfctr.training.strategy import is_chief, make_strategy
from tfctr.training.vectors import with_widths

__all__ = ["head_class", "run_fn", "train_head", "with_tables"]

HEADS = ("ranking", "pre_ranking")
# Examples of a batch in which a model that learns from whole users is validated.
POINTWISE_BATCH = 1024


def run_fn(fn_args: Any) -> None:
    """Entry point of TFX's Trainer: trains both heads and saves them.

    Args:
        fn_args: TFX's `FnArgs`; `custom_config` has `schema` (JSON), `ranking` and
            `pre_ranking` (fields of `TrainingConfig`).
    """
    config = fn_args.custom_config
    # Several workers must find each other before TensorFlow does anything.
    strategies = [
        make_strategy(config[head].get("strategy", "single")) for head in HEADS
    ]
    schema = FeatureSchema.from_json(config["schema"])
    state = state_from_transform(
        tft.TFTransformOutput(fn_args.transform_output), schema
    )
    start = _start(state, fn_args)
    heads: dict[str, Any] = {}
    history: dict[str, Any] = {}
    for head in HEADS:
        heads[head], history[head] = train_head(
            with_tables(config[head], fn_args),
            state,
            _matching(fn_args.train_files),
            _matching(fn_args.eval_files),
            name=head,
            verbose=config.get("verbose", 2),
            teacher=heads.get("ranking"),
            start=start.get(head),
        )
    if all(map(is_chief, strategies)):
        Trained(state=state, **heads).save(Path(fn_args.serving_model_dir), history)


def _start(state: SchemaState, fn_args: Any) -> dict[str, RankingModel]:
    """The heads that training begins with, where the run is to and there are any."""
    if not fn_args.custom_config.get("warm_start") or not fn_args.base_model:
        return {}
    return heads_for(fn_args.base_model, state)


def with_tables(config: Mapping[str, Any], fn_args: Any) -> Mapping[str, Any]:
    """Fields of a head whose tables, if of this run, are named by their folder.

    Args:
        config: Fields of `TrainingConfig`.
        fn_args: TFX's `FnArgs`, whose base model are the tables of this run.
    """
    tables = config.get("pretrained")
    if not tables or tables["folder"] != TABLES:
        return config
    return {**config, "pretrained": {**tables, "folder": str(fn_args.base_model)}}


def train_head(
    config: Mapping[str, Any],
    state: SchemaState,
    train_files: list[str],
    validation_files: list[str],
    *,
    name: str,
    verbose: int = 2,
    teacher: Any = None,
    start: RankingModel | None = None,
) -> tuple[Any, dict[str, list[float]]]:
    """Trains one head on transformed examples, or on whole users.

    The validation loss is always that of single examples, as served.

    Args:
        config: Fields of `TrainingConfig`.
        state: What was learnt.
        train_files: Files of the train split: transformed examples and, where the
            configured form needs them, raw user sequences.
        validation_files: Files of the validation split.
        name: `"ranking"` or `"pre_ranking"`, for error texts.
        verbose: As in `keras.Model.fit`.
        teacher: The ranking head, for a head that it teaches.
        start: The head whose weights it begins with.

    Returns:
        The model and its metrics after each epoch.

    Raises:
        InputError: As `head_class`.
    """
    head_class(config, name)
    keras.utils.set_random_seed(config["seed"])
    settings = TrainingConfig(**config)
    batches, size = _batches(settings, state, train_files)
    model = train(
        settings,
        state.schema,
        batches,
        training_dataset(state.schema, _examples(validation_files), size),
        verbose=verbose,
        teacher=teacher,
        state=state,
        window=_window(settings, state, train_files),
        start=start,
    )
    return model, model.history.history


def _window(
    settings: TrainingConfig, state: SchemaState, files: list[str]
) -> Window | None:
    """When the training examples happened, where pretrained tables are loaded."""
    time = state.schema.timestamp
    if settings.pretrained is None or time is None:
        return None
    batches = training_dataset(state.schema, _examples(files), POINTWISE_BATCH)
    return Window.around(Window.of(x[time].numpy()) for x, *_ in batches)


def head_class(config: Mapping[str, Any], name: str) -> Any:
    """The model class of a head, which takes the configured arguments.

    Args:
        config: Fields of `TrainingConfig`.
        name: `"ranking"` or `"pre_ranking"`, for error texts.

    Raises:
        UnknownName: There is no such model, or it has no such argument.
        InputError: The model cannot be this head, or its vectors are not there.
    """
    model_class = tfctr.models.get(config["model"])
    is_pre_ranking = issubclass(model_class, tfctr.models.PreRankingModel)
    if name == "pre_ranking" and not is_pre_ranking:
        raise InputError(
            "pre_ranking.model",
            received=repr(config["model"]),
            expected="a model that can store its items, such as 'TwoTower'",
        )
    check_arguments(model_class, config["arguments"], field=f"{name}.arguments")
    vectors = config.get("vectors") or {}
    with_widths(model_class, config["arguments"], vectors, field=f"{name}.vectors")
    return model_class


def _batches(
    settings: TrainingConfig, state: SchemaState, files: list[str]
) -> tuple[tf.data.Dataset, int]:
    """Batches in the form a head learns from; the size of a validation batch."""
    size, seed, how = settings.batch_size, settings.seed, settings.distillation
    if settings.form == "user_sequences":
        found = filter(is_sequence_file, files)
        batches = sequence_training_dataset(state, found, size, shuffle_seed=seed)
        return batches, POINTWISE_BATCH
    schema, examples = state.schema, _examples(files)
    if how is not None and how.needs_requests:
        most = how.max_candidates
        requests = training_requests(
            schema, examples, size, max_candidates=most, shuffle_seed=seed
        )
        return requests, size
    return training_dataset(schema, examples, size, shuffle_seed=seed), size


def _examples(files: list[str]) -> list[str]:
    return [path for path in files if not is_sequence_file(path)]


def _matching(patterns: list[str]) -> list[str]:
    return sorted(path for p in patterns for path in tf.io.gfile.glob(p))
