"""How one model is trained, as checked configuration."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    from tfctr.models.tasks import Task

__all__ = [
    "CalibrationConfig",
    "DistillationConfig",
    "PretrainedConfig",
    "TaskConfig",
    "TrainingConfig",
]


class DistillationConfig(BaseModel):
    """How a model is taught by another one; see `RankingModel.learn_from`.

    Attributes:
        teacher: Which model teaches: the `"ranking"` head, trained before.
        kind: What is taught.
        weight: Weight beside the labels.
        temperature: Softens the teacher's logits.
        max_candidates: Requests with more candidates become several; for the kinds
            that need requests, whose `batch_size` counts requests.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    teacher: Literal["ranking"] = "ranking"
    kind: Literal["pointwise", "logit", "pairwise", "listwise"] = "listwise"
    weight: float = Field(default=1.0, gt=0)
    temperature: float = Field(default=1.0, gt=0)
    max_candidates: int = Field(default=64, ge=2)

    @property
    def needs_requests(self) -> bool:
        """Whether the training data must be whole requests."""
        return self.kind in ("pairwise", "listwise")


class TaskConfig(BaseModel):
    """How a label is trained and judged; see `tfctr.models.Task`.

    Attributes:
        space: Which examples it learns from.
        losses: Weights of its losses by name.
        weight: Its weight beside other labels.
        metrics: Names of its metrics.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    space: Literal["observed", "all"] = "observed"
    losses: dict[str, float] = Field(default={"binary_cross_entropy": 1.0})
    weight: float = Field(default=1.0, ge=0)
    metrics: list[str] = Field(
        default=["auc", "normalized_entropy", "calibration_ratio"]
    )


class PretrainedConfig(BaseModel):
    """Which pretrained tables a model starts with, and how.

    See `tfctr.training.pretrained.load_pretrained`.

    Attributes:
        folder: What `write_pretrained` wrote.
        mode: Whether training leaves the tables as they are.
        dropout: Frozen only: dropout on pretrained rows.
        learning_rate: Trainable only: learning rate of the tables.
        allow_overlap: Loads tables of any window, those of the training data too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    folder: str
    mode: Literal["frozen", "trainable"] = "frozen"
    dropout: float = Field(default=0.0, ge=0, lt=1)
    learning_rate: float | None = Field(default=None, gt=0)
    allow_overlap: bool = False


class CalibrationConfig(BaseModel):
    """How probabilities are calibrated after training; see `tfctr.calibration`.

    Curves are fitted to the validation part, unless `negative_rate` says what to undo.

    Attributes:
        method: Kind of the curves.
        slices: Column whose values have curves of their own.
        min_examples: Examples that such a value needs.
        min_positives: Positives, and negatives, that it needs.
        negative_rate: Share of the negatives that training kept, by label.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    method: Literal["isotonic", "platt"] = "isotonic"
    slices: str | None = None
    min_examples: int = Field(default=1000, ge=1)
    min_positives: int = Field(default=50, ge=1)
    negative_rate: dict[str, float] | None = None


class TrainingConfig(BaseModel):
    """Which model, and how it is trained.

    Attributes:
        model: Name of a class of `tfctr.models`.
        arguments: Arguments of that class, the schema and the seed left out.
        epochs: Passes over the training split, at most.
        form: What a model learns from: `"examples"`, or `"user_sequences"`, whole users
            with a label at every event (`tfctr.data.build_user_sequences`).
        max_events: Events of a user sequence at most.
        weighting: Weights of user sequences: by `"target"` or by `"user"`.
        batch_size: Examples (or user sequences) in a step, of all devices and workers
            together.
        learning_rate: Step size of the default optimizer.
        frequency_adaptive: Whether rare rows of tables take smaller steps than frequent
            ones; see `tfctr.optimizers.SparseOptimizer`.
        patience: Stop after so many epochs in which the validation loss did not fall,
            and go back to the best weights; 0 trains all epochs and keeps the last.
        stopping: Whether `patience` is that of the sum of all tasks, or of each task:
            see `tfctr.training.StopEachTask`.
        seed: Seed of the weights and of the order of examples.
        checkpoint_every: Steps between checkpoints, where `train` is given a folder
            for them.
        strategy: Where it runs: `"single"` device, `"mirrored"` on all devices of this
            machine, `"multi_worker"` on the processes of `TF_CONFIG`, or `"tpu"`.
        distillation: By whom the model is taught, beside the labels.
        tasks: How labels are trained and judged, by name; those of the model by
            default.
        balance: How tasks are weighed against each other; see `compile` of the models.
        fresh_tables: Whether each epoch but the first starts with newly drawn tables;
            see `tfctr.training.FreshTables`.
        table_dropout: Share of the entries of table rows that training sees as 0; see
            `tfctr.training.drop_rows`.
        pretrained: Tables that the model starts with; a folder alone means frozen ones.
        calibration: How the trained model is calibrated; the method alone will do. By
            default it is not.
        vectors: Folders of vectors of items (`tfctr.data.write_vectors`) by name of the
            model's table, whose width they give.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    form: Literal["examples", "user_sequences"] = "examples"
    max_events: int = Field(default=1024, ge=1)
    weighting: Literal["target", "user"] = "target"
    epochs: int = Field(default=1, ge=1)
    batch_size: int = Field(default=1024, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    frequency_adaptive: bool = False
    patience: int = Field(default=1, ge=0)
    stopping: Literal["all", "each_task"] = "all"
    seed: int = Field(default=0, ge=0)
    checkpoint_every: int = Field(default=1000, ge=1)
    strategy: Literal["single", "mirrored", "multi_worker", "tpu"] = "single"
    distillation: DistillationConfig | None = None
    tasks: dict[str, TaskConfig] | None = None
    balance: Literal["fixed", "uncertainty", "gradnorm"] | dict[str, Any] = "fixed"
    fresh_tables: bool = False
    table_dropout: float = Field(default=0.0, ge=0, lt=1)
    pretrained: PretrainedConfig | None = None
    calibration: CalibrationConfig | None = None
    vectors: dict[str, str] = Field(default_factory=dict)

    def made_tasks(self) -> "list[Task] | None":
        """What `compile` of a model takes as `tasks`."""
        from tfctr.models.tasks import Task  # TensorFlow is not needed to read

        if self.tasks is None:
            return None
        return [Task(name, **task.model_dump()) for name, task in self.tasks.items()]

    @field_validator("calibration", mode="before")
    @classmethod
    def _method_alone(cls, value: Any) -> Any:
        return {"method": value} if isinstance(value, str) else value

    @field_validator("pretrained", mode="before")
    @classmethod
    def _folder_alone(cls, value: Any) -> Any:
        return {"folder": value} if isinstance(value, str) else value
