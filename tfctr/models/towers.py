"""The hidden tower of a model: static, or adaptive by APG."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.layers import APG, MLP, AdaptiveMLP
from tfctr.seeds import glorot
from tfctr.types import Tensor

if TYPE_CHECKING:
    from tfctr.models.base import RankingModel

__all__ = ["conditions_of", "make_output", "make_tower", "merged"]

M = TypeVar("M", bound=keras.Model)


class WithTower(Protocol):
    """What a model says of its tower."""

    hidden_units: list[int]
    dropout: float
    apg: APG | None
    seed: int
    dtype_policy: Any


def make_tower(model: WithTower, fields: Sequence[str]) -> MLP | AdaptiveMLP:
    """The tower of a model, named `mlp`, by its `hidden_units`, `dropout` and `apg`.

    Args:
        model: The model.
        fields: Names of the features that can be conditions, in the order in which
            the model has their embeddings.

    Raises:
        UnknownName: A condition is none of `fields`; offers the nearest.
    """
    options: dict[str, Any] = {
        "dropout": model.dropout,
        "seed": model.seed,
        "dtype": model.dtype_policy,
        "name": "mlp",
    }
    if model.apg is None:
        return MLP(model.hidden_units, **options)
    if not model.apg.is_self_wise:
        for name in model.apg.condition:
            if name not in fields:
                raise UnknownName("apg condition", name, fields)
    return AdaptiveMLP(model.hidden_units, apg=model.apg, **options)


def make_output(model: "RankingModel") -> keras.layers.Dense:
    """The last layer of a model, named `output`: float32 logits of all heads.

    Args:
        model: The model, whose heads and seed are set.
    """
    return keras.layers.Dense(
        model.heads.total,
        kernel_initializer=glorot(model.seed, "output"),
        dtype="float32",
        name="output",
    )


def conditions_of(
    apg: APG | None, fields: Sequence[str], embedded: Tensor
) -> dict[str, Tensor]:
    """What the tower is called with beside its inputs.

    Args:
        apg: The setting of the model.
        fields: As for `make_tower`.
        embedded: `(..., fields, dim)`, their embeddings.

    Returns:
        `conditions` `(..., conditions, dim)`, or nothing where the tower takes none.
    """
    if apg is None or apg.is_self_wise:
        return {}
    places = [list(fields).index(name) for name in apg.condition]
    return {"conditions": ops.take(embedded, places, axis=-2)}


def merged(model: M) -> M:
    """A copy of a model in the form that is served: APG v4 in place of v5.

    Args:
        model: A built model.

    Returns:
        A model of the same class with equal outputs; `model` itself if it has nothing
        to merge.

    Raises:
        InputError: The model has over-parameterized layers, but no `apg` setting.
    """
    towers = [layer for layer in model.layers if isinstance(layer, AdaptiveMLP)]
    if all(tower.apg.version != "v5" for tower in towers):
        return model
    config: Mapping[str, Any] = model.get_config()
    apg = APG.of(config.get("apg"))
    if apg is None:
        raise InputError("apg", received=None, expected="the setting of the model")
    copy: M = type(model).from_config({**config, "apg": apg.merged().to_dict()})
    copy.build()
    for own, other in zip(model.layers, copy.layers, strict=True):
        if isinstance(own, AdaptiveMLP):
            own = own.merge()
        other.set_weights(own.get_weights())
    inner = {id(weight) for layer in model.layers for weight in layer.weights}
    outside = [weight for weight in model.weights if id(weight) not in inner]
    by_path = {weight.path: weight for weight in copy.weights}
    for weight in outside:
        by_path[weight.path].assign(weight)
    return copy
