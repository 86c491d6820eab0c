"""A new model that begins with the weights of one that was trained."""

from typing import Any

from tfctr.errors import InputError
from tfctr.models import RankingModel

__all__ = ["begin_with"]

# Where a model comes from, not what it is: the names and seeds of its start.
OTHERS = ("name", "seed", "dtype")


def begin_with(model: RankingModel, start: RankingModel) -> None:
    """Gives a new model the weights of a trained one.

    Args:
        model: The new model.
        start: A model of the same class, schema and arguments; its seed may differ.

    Raises:
        InputError: It is another model; says in what.
    """
    if type(start) is not type(model):
        raise InputError(
            "start",
            received=type(start).__name__,
            expected=f"a {type(model).__name__}, as is trained",
        )
    before, now = _settings(start), _settings(model)
    for name, value in now.items():
        if before.get(name) != value:
            received, expected = before.get(name), value
            if name == "schema":
                received, expected = "one for another schema", "the same features"
            raise InputError(f"start.{name}", received=received, expected=expected)
    model.build()
    start.build()
    for ours, theirs in zip(model.weights, start.weights, strict=True):
        ours.assign(theirs)


def _settings(model: RankingModel) -> dict[str, Any]:
    return {k: v for k, v in model.get_config().items() if k not in OTHERS}
