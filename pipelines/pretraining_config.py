"""How tables of ids are learnt inside a pipeline, as checked configuration."""

import dataclasses
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tfctr.data.behaviour import BehaviourSpec
from tfctr.errors import InputError

__all__ = ["TABLES", "IDPretrainingConfig", "check_tables"]

# The folder by which a head asks for the tables of the same run.
TABLES = "id_pretraining"
SOURCES = ("earliest", "positives")


class IDPretrainingConfig(BaseModel):
    """Tables of ids for the heads that say `pretrained = "id_pretraining"`.

    Attributes:
        earliest: Share of the pipeline's own log, the earliest events, whose positives
            teach the tables. They are then no examples of the heads, only histories.
        positives: Files of positives by surface, `.csv` or `.parquet`, patterns
            allowed, with the raw id columns of the schema; instead of `earliest`.
        time: Their column of Unix seconds. All must be before the heads' examples.
        label: Their column of 0 and 1, if not all rows are positives.
        arguments: Arguments of `tfctr.models.IDPretraining`.
        epochs: Passes over the positives.
        batch_size: Positives in a batch.
        learning_rate: Of the default optimizer.
        seed: Seed of the tables and the order.
        checkpoint_every: Steps between checkpoints, from which a run that was killed
            goes on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    earliest: float | None = Field(default=None, gt=0, lt=1)
    positives: dict[str, str] | None = Field(default=None, min_length=1)
    time: str = "timestamp"
    label: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=1024, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    seed: int = Field(default=0, ge=0)
    checkpoint_every: int = Field(default=1000, ge=1)

    @model_validator(mode="after")
    def _check_one_source(self) -> "IDPretrainingConfig":
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise InputError(
                "id_pretraining",
                received=" and ".join(given) or f"neither {' nor '.join(SOURCES)}",
                expected="one of them",
            )
        return self

    def rules(self, spec: BehaviourSpec) -> BehaviourSpec:
        """The rules of the heads' examples, without events that teach the tables.

        Raises:
            InputError: `earliest` leaves no examples to train on, or the rules leave
                out another share.
        """
        if self.earliest is None:
            return spec
        if self.earliest >= spec.train_fraction:
            raise InputError(
                "id_pretraining.earliest",
                received=self.earliest,
                expected=f"below {spec.train_fraction}, which is `train_fraction`",
            )
        if spec.history_only_fraction not in (0, self.earliest):
            raise InputError(
                "behaviour.history_only_fraction",
                received=spec.history_only_fraction,
                expected=f"nothing, beside id_pretraining.earliest = {self.earliest}",
            )
        return dataclasses.replace(spec, history_only_fraction=self.earliest)


def check_tables(config: Any) -> None:
    """Refuses tables that the run does not learn, or that come from two places.

    Args:
        config: The `PipelineConfig`.
    """
    for name in ("ranking", "pre_ranking"):
        tables = getattr(config, name).pretrained
        is_of_this_run = tables is not None and tables.folder == TABLES
        if is_of_this_run and config.id_pretraining is None:
            raise InputError(
                f"{name}.pretrained",
                received=f"{TABLES!r} without a section of that name",
                expected=f"a section [{TABLES}], or another folder",
            )
        if config.warm_start and tables is not None:
            raise InputError(
                "warm_start",
                received=f"true, with {name}.pretrained",
                expected="one of them: tables come from the last heads, or from there",
            )
