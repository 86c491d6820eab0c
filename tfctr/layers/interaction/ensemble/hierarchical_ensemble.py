"""A layer of DHEN: modules side by side, a shortcut, a normalisation."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.ensemble.module_specs import (
    ModuleSpec,
    kept,
    make_module,
    module_config,
)
from tfctr.layers.interaction.ensemble.plain_modules import LinearModule
from tfctr.layers.interaction.field_pairs import fields_and_dim
from tfctr.layers.softmax import softmax
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Shape, Tensor

__all__ = ["HierarchicalEnsemble"]

ENSEMBLES = ("concat", "sum", "weighted")
EPSILON = 1e-6


@serializable
class HierarchicalEnsemble(keras.layers.Layer):
    """`X' = LN(ensemble_i(module_i(X)) + shortcut(X))`.

    Each of the `k` modules gives `l` embeddings. The ensemble puts them one behind the
    other (`k l` embeddings), adds them, or adds them with weights that are a learnt
    softmax and equal at first. The shortcut is `X` itself where as many embeddings come
    out as go in, else `W X` along the axis of their number. Normalised over the width.

    Args:
        modules: The modules: names (`"mlp"`, `"cross"`, `"transformer"`, `"mask"`,
            `"linear"`, `"convolution"`, `"dot"`, `"factorization"`), mappings
            `{"module": name, **arguments}`, or `InteractionModule` objects, which are
            copied.
        ensemble: `"concat"`, `"sum"` or `"weighted"`.
        num_outputs: Embeddings that each module gives, `l`. By default as many as come
            in, which `"concat"` shares among the modules, rounded up.
        seed: Seed of the initial values; each module derives its own.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        fields: `(batch, m, dim)` floats.
        training: Whether dropout in modules is on.

    Returns:
        `(batch, k l, dim)`, or without `"concat"` `(batch, l, dim)`, in the compute
        dtype.

    Raises:
        InputError: No modules, an unknown form of ensemble, a module's arguments.
        UnknownName: A module's name.

    Source: Zhang et al., DHEN, 2022, equations (1) and (2).

    >>> layer = HierarchicalEnsemble(["linear", "factorization"], num_outputs=3)
    >>> tuple(layer(ops.ones((2, 4, 5))).shape)
    (2, 6, 5)
    """

    def __init__(
        self,
        modules: Sequence[ModuleSpec],
        *,
        ensemble: str = "concat",
        num_outputs: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(modules, str) or not modules:
            raise InputError("modules", received=modules, expected="a list of modules")
        if ensemble not in ENSEMBLES:
            raise InputError(
                "ensemble",
                received=ensemble,
                expected=" or ".join(map(repr, ENSEMBLES)),
            )
        if num_outputs is not None and num_outputs < 1:
            raise InputError(
                "num_outputs", received=num_outputs, expected="a positive number"
            )
        self.specs = [kept(spec) for spec in modules]
        self.ensemble, self.num_outputs, self.seed = ensemble, num_outputs, seed
        self._make_modules(1)  # which finds what is wrong before any data is there

    def build(self, fields_shape: Shape) -> None:
        num_fields, dim = fields_and_dim(fields_shape)
        outputs = self._outputs(num_fields)
        self.modules = self._make_modules(outputs)
        for module in self.modules:
            module.build((None, num_fields, dim))
            if module.compute_output_shape((None, num_fields, dim))[1] != outputs:
                raise InputError(
                    f"num_outputs of {module.name}",
                    received=module.num_outputs,
                    expected=f"{outputs}, as the ensemble's",
                )
        total = self.compute_output_shape((None, num_fields, dim))[1]
        self.shortcut = self._shortcut(num_fields, total)
        self.shortcut.build((None, num_fields, dim))
        if self.ensemble == "weighted":
            self.module_logits = self.add_weight(
                name="module_logits", shape=(len(self.modules),), initializer="zeros"
            )
        self.norm = keras.layers.LayerNormalization(
            epsilon=EPSILON, dtype=self.dtype_policy, name="norm"
        )
        self.norm.build((None, total, dim))

    def call(self, fields: Tensor, training: bool = False) -> Tensor:
        made = [module(fields, training=training) for module in self.modules]
        if self.ensemble == "concat":
            joined = ops.concatenate(made, axis=1)
        elif self.ensemble == "sum":
            joined = sum(made[1:], made[0])
        else:
            weights = ops.cast(self.module_weights(), self.compute_dtype)
            joined = ops.einsum("k,kbld->bld", weights, ops.stack(made))
        return self.norm(joined + self.shortcut(fields))

    def module_weights(self) -> Tensor:
        """Weights `(modules,)` of the form `"weighted"`, which sum to 1."""
        return softmax(self.module_logits)

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        num_fields, dim = fields_and_dim(fields_shape)
        parts = len(self.specs) if self.ensemble == "concat" else 1
        return (fields_shape[0], parts * self._outputs(num_fields), dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "modules": [module_config(spec) for spec in self.specs],
            "ensemble": self.ensemble,
            "num_outputs": self.num_outputs,
            "seed": self.seed,
        }

    def _outputs(self, num_fields: int) -> int:
        parts = len(self.specs) if self.ensemble == "concat" else 1
        return self.num_outputs or -(-num_fields // parts)

    def _shortcut(self, num_fields: int, total: int | None) -> keras.layers.Layer:
        if total == num_fields:
            return keras.layers.Identity(dtype=self.dtype_policy, name="shortcut")
        return LinearModule(
            num_outputs=total,
            seed=derived_seed(self.seed, "shortcut"),
            dtype=self.dtype_policy,
            name="shortcut",
        )

    def _make_modules(self, num_outputs: int) -> list[Any]:
        return [
            make_module(
                spec,
                num_outputs=num_outputs,
                seed=self.seed,
                place=place,
                dtype=self.dtype_policy,
            )
            for place, spec in enumerate(self.specs)
        ]
