"""Training runs on disk, without TFX: what `tfctr train` and `evaluate` do."""

import json
import shutil
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
from pydantic import ValidationError

from tfctr.errors import InputError, UnknownName
from tfctr.training.config import TrainingConfig
from tfctr.training.fitting import train
from tfctr.training.overrides import override
from tfctr.training.strategy import is_chief, make_strategy

if TYPE_CHECKING:
    from tfctr.data import Dataset
    from tfctr.evaluation import Report

__all__ = [
    "evaluate_run",
    "load_dataset",
    "read_config",
    "train_run",
    "training_window",
]

# Examples of a batch in which a model that learns from whole users is measured.
POINTWISE_BATCH = 1024


def train_run(
    model: str,
    data: str,
    output: str | Path,
    overrides: Iterable[str] = (),
    *,
    resume: bool = False,
) -> "Report":
    """Trains a model on a data set by name and writes what belongs to it.

    `output` gets `model.keras`, `state/`, `training.json` and `report.json`; it
    appears only when all is there. Of several workers, the first writes it.

    Args:
        model: Name of the model.
        data: Name of the data set.
        output: Folder to write.
        overrides: Texts `key=value` for `TrainingConfig`, with dots inside sections.
        resume: Writes checkpoints into `<output>.checkpoints` while it trains, and goes
            on from the last one there; they go when `output` appears.

    Returns:
        The report on the test part.
    """
    from tfctr.evaluation import evaluate

    config = _config(model, overrides)
    output = Path(output)
    if output.exists():
        raise InputError(
            "output", received=f"{output}, which exists", expected="a new folder"
        )
    strategy = make_strategy(config.strategy)  # before TensorFlow does anything
    dataset = load_dataset(data)
    checkpoints = output.with_name(output.name + ".checkpoints")
    batches, size = _training_data(dataset, config)
    trained = train(
        config,
        dataset.schema,
        batches,
        dataset.to_dataset("validation", size),
        checkpoints=checkpoints if resume else None,
        state=dataset.state,
        window=training_window(dataset, config),
    )
    report = evaluate(trained, dataset.to_dataset("test", size))
    if not is_chief(strategy):
        return report
    settings = {"data": data, **config.model_dump()}
    _write_run(output, trained, dataset, settings, report)
    if resume:
        shutil.rmtree(checkpoints, ignore_errors=True)
    return report


def training_window(dataset: "Dataset", config: TrainingConfig) -> Any:
    """When the training part happened, where tables of an earlier time are loaded.

    Args:
        dataset: The data set.
        config: The configuration: without tables there is no need to know.
    """
    from tfctr.training.pretrained import Window

    time = dataset.schema.timestamp
    if config.pretrained is None or time is None:
        return None
    return Window.of(dataset.train[time])


def _training_data(dataset: "Dataset", config: TrainingConfig) -> tuple[Any, int]:
    """Batches to learn from, and the number of examples to measure at a time."""
    from tfctr.data.reading import read_examples

    size, seed = config.batch_size, config.seed
    if config.form == "examples":
        return read_examples(dataset.train, dataset.state, size, seed=seed), size
    batches = dataset.to_sequence_dataset(
        "train",
        size,
        max_events=config.max_events,
        weighting=config.weighting,
        seed=seed,
    )
    return batches, POINTWISE_BATCH


def _write_run(
    output: Path, trained: Any, dataset: "Dataset", settings: Any, report: "Report"
) -> None:
    aside = output.with_name(output.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    trained.save(aside / "model.keras")
    dataset.state.save(aside / "state")
    (aside / "training.json").write_text(json.dumps(settings, indent=2))
    (aside / "report.json").write_text(json.dumps(report.to_dict(), indent=2))
    aside.rename(output)


def evaluate_run(folder: str | Path, data: str, split: str = "test") -> "Report":
    """Reports a trained model's metrics on a data set by name.

    Args:
        folder: Folder that `train_run` wrote.
        data: Name of the data set.
        split: `"train"`, `"validation"` or `"test"`.
    """
    from tfctr.data import to_dataset
    from tfctr.evaluation import evaluate
    from tfctr.features import SchemaState

    folder = Path(folder)
    if not (folder / "model.keras").is_file():
        raise InputError(
            "folder",
            received=str(folder),
            expected="a folder with model.keras, as `tfctr train` writes it",
        )
    state = SchemaState.load(folder / "state")
    model = keras.models.load_model(folder / "model.keras")
    frame = load_dataset(data).frame(split)
    return evaluate(model, to_dataset(frame, state, batch_size=4096, shuffle=False))


def load_dataset(name: str) -> "Dataset":
    """The data set that a function of that name in `tfctr.data` gives."""
    from tfctr import data

    known: dict[str, Callable[[], Dataset]] = {
        "movielens_100k": data.movielens_100k,
        "complete_journey": data.complete_journey,
        "complete_journey_campaigns": data.complete_journey_campaigns,
        "complete_journey_promotions": data.complete_journey_promotions,
        "synthetic": data.synthetic,
    }
    if name not in known:
        raise UnknownName("data", name, known)
    return known[name]()


def _config(model: str, overrides: Iterable[str]) -> TrainingConfig:
    values: dict[str, Any] = {"model": model}
    for text in overrides:
        override(values, text)
    return _checked(values)


def read_config(path: str | Path) -> TrainingConfig:
    """Reads a training configuration.

    Args:
        path: A TOML file with keys of `TrainingConfig`, alone or in a section
            `[ranking]`, as in a pipeline's configuration.

    Raises:
        InputError: It is no such file, or a value is not what is declared.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            "config", received=f"{path}: {error}", expected="a TOML file"
        ) from error
    return _checked(values.get("ranking", values))


def _checked(values: dict[str, Any]) -> TrainingConfig:
    if "model" not in values:
        raise InputError("model", received="none", expected="the name of a model")
    for key in values:
        if key not in TrainingConfig.model_fields:
            raise UnknownName("training key", key, TrainingConfig.model_fields)
    try:
        return TrainingConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            ".".join(map(str, first["loc"])),
            received=repr(first["input"]),
            expected=first["msg"],
        ) from error
