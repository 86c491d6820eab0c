"""What the Trainer hands on: both heads and what was learnt from the data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

import tfctr.models  # noqa: F401  # registers the classes that saved heads refer to
from tfctr.errors import InputError
from tfctr.features import SchemaState

__all__ = ["Trained"]


@dataclass(frozen=True)
class Trained:
    """Two trained heads that share one state.

    Attributes:
        ranking: The ranking head.
        pre_ranking: The pre-ranking head.
        state: What was learnt of the schema.
    """

    ranking: Any
    pre_ranking: Any
    state: SchemaState

    def save(self, folder: str | Path, history: Mapping[str, Any]) -> None:
        """Writes `*.keras`, `state/` and `history.json` into `folder`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.ranking.save(folder / "ranking.keras")
        self.pre_ranking.save(folder / "pre_ranking.keras")
        self.state.save(folder / "state")
        text = json.dumps(history, indent=2, default=float)
        (folder / "history.json").write_text(text)

    @classmethod
    def load(cls, folder: str | Path) -> "Trained":
        """Reads what `save` wrote."""
        folder = Path(folder)
        for name in ("ranking.keras", "pre_ranking.keras", "state"):
            if not (folder / name).exists():
                raise InputError(
                    str(folder),
                    received=f"no {name}",
                    expected="a trained pair of heads",
                )
        return cls(
            keras.saving.load_model(folder / "ranking.keras"),
            keras.saving.load_model(folder / "pre_ranking.keras"),
            SchemaState.load(folder / "state"),
        )
