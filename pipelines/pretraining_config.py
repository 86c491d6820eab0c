"""How tables of ids are learnt inside a pipeline, as checked configuration."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tfctr.errors import InputError

__all__ = ["TABLES", "IDPretrainingConfig", "check_tables"]

# The folder by which a head asks for the tables of the same run.
TABLES = "id_pretraining"


class IDPretrainingConfig(BaseModel):
    """Tables of ids for the heads that say `pretrained = "id_pretraining"`.

    Attributes:
        positives: Files of positives by surface, `.csv` or `.parquet`, patterns
            allowed, with the raw id columns of the schema.
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

    positives: dict[str, str] = Field(min_length=1)
    time: str = "timestamp"
    label: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=1024, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    seed: int = Field(default=0, ge=0)
    checkpoint_every: int = Field(default=1000, ge=1)


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
