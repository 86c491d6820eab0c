"""The configuration of a pipeline: TOML, checked key by key."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.errors import InputError, UnknownName
from tfctr.pipelines.config_errors import first_error
from tfctr.pipelines.pretraining_config import IDPretrainingConfig, check_tables
from tfctr.training.config import TrainingConfig
from tfctr.training.overrides import override

__all__ = [
    "BeamConfig",
    "BehaviourConfig",
    "DataConfig",
    "EvaluationConfig",
    "LabelConfig",
    "PipelineConfig",
    "ServingConfig",
    "config_names",
    "load_config",
]

CONFIGS = Path(__file__).parent / "configs"


def _path(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, str) else value


FilePath = Annotated[Path, BeforeValidator(_path)]
# Rounded rows move probabilities by about this much.
MIN_ROUNDED_TOLERANCE = 1e-3


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataConfig(_Section):
    """Where the raw tables are.

    Attributes:
        source: `"files"`, or a data set by name, whose raw tables are then written
            to `<output>/raw`.
        events: Table of events, `.csv` or `.parquet`; a pattern with `*` is allowed.
        users: Table of users. Optional where the schema takes all of a user from
            the events.
        items: Table of items, one row each.
        list_separator: What separates the values of a cell with several in CSV.
    """

    source: Literal["files", "movielens_100k"] = "files"
    events: FilePath | None = None
    users: FilePath | None = None
    items: FilePath | None = None
    list_separator: str = "|"

    @model_validator(mode="after")
    def _check_files(self) -> "DataConfig":
        needed = ("events", "items") if self.source == "files" else ()
        for name in needed:
            if getattr(self, name) is None:
                raise InputError(
                    f"data.{name}",
                    received="nothing",
                    expected="the path of a .csv or .parquet file",
                )
        return self


class LabelConfig(_Section):
    """When an event makes a label 1, or what its value is; see `LabelRule`."""

    column: str
    at_least: float | None = None
    equals: str | float | None = None
    is_value: bool = False


class BehaviourConfig(_Section):
    """How events become examples; see `tfctr.data.behaviour.BehaviourSpec`."""

    user_key: str = "user_id"
    item_key: str = "item_id"
    time_key: str = "timestamp"
    labels: dict[str, LabelConfig]
    history_lag_seconds: int = Field(default=0, ge=0)
    history_only_fraction: float = Field(default=0, ge=0, lt=1)
    train_fraction: float = Field(default=0.8, gt=0, lt=1)
    validation_fraction: float = Field(default=0.1, gt=0, lt=1)
    negatives_per_positive: int = Field(default=0, ge=0)
    negatives_exclude: Literal["seen", "now"] = "seen"
    repeat_negatives_per_positive: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0)

    def to_spec(self) -> BehaviourSpec:
        """The rules as pandas and Beam take them."""
        values = self.model_dump(exclude={"labels"})
        rules = {
            name: LabelRule(**rule.model_dump()) for name, rule in self.labels.items()
        }
        return BehaviourSpec(labels=rules, **values)


class ServingConfig(_Section):
    """What is served and where to.

    Attributes:
        model_name: Name by which clients ask for the model.
        folder: Where versions are pushed to; `<output>/serving/<model_name>` by
            default.
        top_k: How many items `pre_ranking` returns at most.
        retrieval_k: How many of all items `retrieval` finds; no such signature without.
        score: Exponent of each label in the served `score`; the first label alone
            by default.
        table_format: How tables are stored: `"float32"`, or smaller and not exact,
            `"bfloat16"` or `"int8"`, for which `tolerance` must allow.
        check_examples: Test examples that the serving check sends.
        tolerance: Largest difference between gRPC and memory that is accepted.
        startup_seconds: How long the server of the check may take to load.
    """

    model_name: str = Field(default="ctr", min_length=1)
    folder: FilePath | None = None
    top_k: int = Field(default=200, ge=1)
    retrieval_k: int | None = Field(default=None, ge=1)
    score: dict[str, float] | None = None
    table_format: Literal["float32", "bfloat16", "int8"] = "float32"
    check_examples: int = Field(default=1000, ge=1)
    tolerance: float = Field(default=1e-5, gt=0)
    startup_seconds: float = Field(default=120.0, gt=0)

    @model_validator(mode="after")
    def _check_tolerance(self) -> "ServingConfig":
        if self.table_format != "float32" and self.tolerance < MIN_ROUNDED_TOLERANCE:
            raise InputError(
                "serving.tolerance",
                received=f"{self.tolerance} with tables as {self.table_format}",
                expected=f"at least {MIN_ROUNDED_TOLERANCE}: rounding changes answers",
            )
        return self


class EvaluationConfig(_Section):
    """When a model is good enough to be pushed; about the first label on `test`.

    Attributes:
        min_auc: Smallest AUC.
        calibration_low: Smallest ratio of predicted to observed positives.
        calibration_high: Largest such ratio.
        max_auc_drop: Largest loss of AUC against the last blessed model.
        slices: Lists of columns by whose values metrics are also reported.
    """

    min_auc: float = Field(default=0.5, ge=0, le=1)
    calibration_low: float = Field(default=0.8, ge=0)
    calibration_high: float = Field(default=1.25, ge=0)
    max_auc_drop: float = Field(default=0.005, ge=0, le=1)
    slices: list[list[str]] = Field(default_factory=list)


class BeamConfig(_Section):
    """Options for Apache Beam, passed through as they are.

    Attributes:
        pipeline_args: For example `["--runner=FlinkRunner"]`.
    """

    pipeline_args: list[str] = Field(default_factory=list)


class PipelineConfig(_Section):
    """Everything one pipeline needs.

    Attributes:
        name: Name of the pipeline in TFX's metadata.
        output: Root folder of everything the pipeline writes.
        schema: Name of a preset, or path of a schema's JSON. Read as `schema_name`.
        min_counts: By vocabulary how often the train split must have an id.
        data: The raw tables.
        behaviour: How events become examples; a data set by name has its own.
        ranking: The ranking head.
        pre_ranking: The pre-ranking head.
        id_pretraining: Tables of ids that are learnt before, for heads with
            `pretrained = "id_pretraining"`.
        serving: What is served.
        evaluation: What a model must reach.
        beam: Options for Beam.
        warm_start: Whether both heads begin with the last blessed ones' weights.
        cache: Whether components whose inputs are unchanged are skipped.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    output: FilePath
    schema_name: str = Field(alias="schema", default="")
    min_counts: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    data: DataConfig
    behaviour: BehaviourConfig | None = None
    ranking: TrainingConfig
    pre_ranking: TrainingConfig
    id_pretraining: IDPretrainingConfig | None = None
    serving: ServingConfig = ServingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    beam: BeamConfig = BeamConfig()
    warm_start: bool = False
    cache: bool = True

    @model_validator(mode="after")
    def _check_files_are_described(self) -> "PipelineConfig":
        if self.data.source == "files":
            for key, value in (
                ("schema", self.schema_name),
                ("behaviour", self.behaviour),
            ):
                if not value:
                    raise InputError(
                        key,
                        received="nothing",
                        expected="a value, because `data.source` is 'files'",
                    )
        return self

    @model_validator(mode="after")
    def _check_heads(self) -> "PipelineConfig":
        if self.pre_ranking.form != "examples":
            raise InputError(
                "pre_ranking.form",
                received=repr(self.pre_ranking.form),
                expected="'examples': only the ranking head learns from whole users",
            )
        if self.ranking.distillation is not None:
            raise InputError(
                "ranking.distillation",
                received="a section",
                expected="none: the ranking head is the teacher",
            )
        check_tables(self)
        return self

    @property
    def serving_folder(self) -> Path:
        """The folder with the pushed versions, absolute."""
        default = self.output / "serving" / self.serving.model_name
        return (self.serving.folder or default).absolute()


def config_names() -> list[str]:
    """Names of the configurations that come with tfctr."""
    return sorted(path.stem for path in CONFIGS.glob("*.toml"))


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> PipelineConfig:
    """Reads and checks a configuration.

    Args:
        path: A TOML file, or the name of a configuration that comes with tfctr.
            Paths inside it are relative to the working folder.
        overrides: Texts such as `"ranking.epochs=3"`; the value is TOML, or plain
            text where it is no TOML.

    Raises:
        InputError: Names the dotted key, what came and what was expected.
        UnknownName: The key does not exist; offers the nearest that does.

    >>> load_config("movielens", ["ranking.epochs=3"]).ranking.epochs
    3
    """
    values = _read(path)
    for text in overrides:
        override(values, text)
    try:
        return PipelineConfig.model_validate(values)
    except ValidationError as error:
        raise first_error(PipelineConfig, error) from error


def _read(path: str | Path) -> dict[str, Any]:
    file = Path(path)
    if not file.is_file() and str(path) in config_names():
        file = CONFIGS / f"{path}.toml"
    if not file.is_file():
        raise UnknownName("config", str(path), config_names())
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(str(file), received=str(error), expected="TOML") from error
