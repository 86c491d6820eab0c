"""Modules by name, and the forms in which a module can be given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras

from tfctr.errors import InputError, UnknownName
from tfctr.layers.interaction.ensemble.convolution_module import ConvolutionModule
from tfctr.layers.interaction.ensemble.cross_module import CrossModule
from tfctr.layers.interaction.ensemble.interaction_module import InteractionModule
from tfctr.layers.interaction.ensemble.mask_module import MaskModule
from tfctr.layers.interaction.ensemble.plain_modules import (
    DotModule,
    FactorizationModule,
    LinearModule,
    MLPModule,
)
from tfctr.layers.interaction.ensemble.transformer_module import TransformerModule
from tfctr.seeds import derived_seed

__all__ = [
    "MODULES",
    "PRESETS",
    "ModuleCopy",
    "ModuleSpec",
    "kept",
    "make_module",
    "module_config",
]

MODULES: dict[str, type[InteractionModule]] = {
    "mlp": MLPModule,
    "cross": CrossModule,
    "transformer": TransformerModule,
    "mask": MaskModule,
    "linear": LinearModule,
    "convolution": ConvolutionModule,
    "dot": DotModule,
    "factorization": FactorizationModule,
}
# Layers of modules, first to last.
PRESETS: dict[str, tuple[tuple[str, ...], ...]] = {
    "meta": (("dot", "linear"), ("dot", "linear")),
    "pinterest_cvr": (("mlp", "transformer"), ("mlp", "mask")),
}


@dataclass(frozen=True)
class ModuleCopy:
    """A module that was given as an object, without the object."""

    cls: type[InteractionModule]
    config: Mapping[str, Any]


# A name of `MODULES`; a mapping with the name as "module" and arguments; a module,
# which is copied; a saved module.
ModuleSpec: TypeAlias = str | Mapping[str, Any] | InteractionModule | ModuleCopy


def kept(spec: ModuleSpec) -> str | Mapping[str, Any] | ModuleCopy:
    """The specification without objects that Keras would take for parts of a layer.

    Raises:
        InputError: It is none.
    """
    if isinstance(spec, Mapping) and "class_name" in spec:
        spec = keras.saving.deserialize_keras_object(dict(spec))
    if isinstance(spec, InteractionModule):
        return ModuleCopy(type(spec), spec.get_config())
    if isinstance(spec, str | ModuleCopy):
        return spec
    if isinstance(spec, Mapping) and "module" in spec:
        return dict(spec)
    raise InputError(
        "module",
        received=repr(spec)[:80],
        expected="a name, a mapping with a name as `module`, or an InteractionModule",
    )


def module_config(spec: str | Mapping[str, Any] | ModuleCopy) -> Any:
    """The specification in a form that JSON holds."""
    if isinstance(spec, ModuleCopy):
        made = spec.cls.from_config(dict(spec.config))
        return keras.saving.serialize_keras_object(made)
    return spec if isinstance(spec, str) else dict(spec)


def make_module(
    spec: str | Mapping[str, Any] | ModuleCopy,
    *,
    num_outputs: int,
    seed: int,
    place: int,
    dtype: Any,
) -> InteractionModule:
    """A new module.

    Args:
        spec: What it is. `num_outputs`, `seed`, `name` and `dtype` that it does not say
            are those below.
        num_outputs: Embeddings that it gives.
        seed: Seed of the ensemble; the module's own follows from it.
        place: Its place among the modules.
        dtype: Policy of the ensemble.

    Raises:
        UnknownName: No module has the name.
        InputError: The module has no such arguments.
    """
    own_seed = derived_seed(seed, f"module_{place}")
    given = {"num_outputs": num_outputs, "seed": own_seed, "dtype": dtype}
    if isinstance(spec, ModuleCopy):
        config = dict(spec.config)
        if config["num_outputs"] is None:
            config["num_outputs"] = num_outputs
        copy: InteractionModule = spec.cls.from_config(config)
        return copy
    arguments = {"module": spec} if isinstance(spec, str) else dict(spec)
    name = arguments.pop("module")
    if name not in MODULES:
        raise UnknownName("module", name, MODULES)
    try:
        return MODULES[name](**{**given, "name": f"{name}_{place}", **arguments})
    except InputError:
        raise
    except (TypeError, ValueError) as error:  # of Keras
        raise InputError(
            f"module {name}", received=str(error), expected="arguments that it has"
        ) from error
