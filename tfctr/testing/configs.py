"""The law of configs, shared by layers, losses, metrics and models."""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import keras

from tfctr.testing.verdicts import require

__all__ = ["check_config"]


def check_config(
    make: Callable[..., Any], used: Any, init_kwargs: Mapping[str, Any]
) -> None:
    """Holds the config of an object that was built and used to what made it.

    Args:
        make: Makes another such object, with keyword arguments of the constructor.
        used: The object, after use.
        init_kwargs: What it was made with. Values should not be defaults, or a
            mis-wired key hides.
    """
    cls = type(used)
    config = used.get_config()
    lacking = sorted(_argument_names(used) - config.keys())
    require(
        not lacking,
        "the config has every argument of the constructor",
        f"`get_config()` lacks {lacking}.",
    )
    require(
        _is_json(config),
        "the config is JSON",
        f"`json.dumps` refuses {config!r}.",
    )
    for name, value in init_kwargs.items():
        if _is_json(value):
            require(
                _same(config[name], value),
                "the config equals what was passed",
                f"`{name}` is {config[name]!r} instead of {value!r}.",
            )
    fresh = make(**{**init_kwargs, "name": used.name}).get_config()
    require(
        config == fresh,
        "building and calling leave the config alone",
        f"It was {fresh!r} and became {config!r}.",
    )
    again = cls.from_config(json.loads(json.dumps(config))).get_config()
    require(
        again == config,
        "`from_config` gives the same object back",
        f"{config!r} became {again!r}.",
    )
    _check_serialized(cls, used)


def _argument_names(used: Any) -> set[str]:
    """Names of the arguments of the constructor."""
    parameters = inspect.signature(type(used)).parameters.values()
    many = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    names = {p.name for p in parameters if p.kind not in many}
    if isinstance(used, keras.losses.Loss):
        names -= {"dtype"}  # Keras leaves it out of the config of its own losses.
    return names


def _check_serialized(cls: Any, used: Any) -> None:
    law = "the class is registered for saving"
    data = keras.saving.serialize_keras_object(used)
    try:
        again = keras.saving.deserialize_keras_object(json.loads(json.dumps(data)))
    except (TypeError, ValueError) as error:
        require(False, law, f"{cls.__name__} does not come back: {error}")
    require(type(again) is cls, law, f"It came back as {type(again)}.")


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _same(stored: Any, value: Any) -> bool:
    return _is_json(stored) and json.dumps(stored) == json.dumps(value)
