"""A ranking model behind curves that calibrate its probabilities."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical
from tfctr.models.base import RankingModel
from tfctr.models.heads import parted, with_prefix
from tfctr.saving import serializable
from tfctr.types import Tensor

if TYPE_CHECKING:
    from tfctr.calibration.curve import Curve

__all__ = ["Calibrated"]

COLUMN = "calibration/column"


@serializable
class Calibrated(RankingModel):
    """Scores as another model does, then bends each label's logit by a rising curve.

    `tfctr.calibration.calibrate` makes it. It is exported, served and evaluated as any
    ranking model is; the curves are part of the graph. To train on, train `model` and
    calibrate it again.

    Args:
        model: The model.
        curves: A `tfctr.calibration.Curve`, or its dict, for each label.
        column: Single-valued categorical column whose values have their own curves.
        by_value: For each label the curves by id of that column; others have that of
            the label.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Raises:
        UnknownName: A curve of a label that the model lacks.
        InputError: A label without a curve, or an id that its column cannot have.
    """

    def __init__(
        self,
        model: RankingModel,
        curves: "Mapping[str, Curve | Mapping[str, Any]]",
        *,
        column: str | None = None,
        by_value: "Mapping[str, Mapping[Any, Curve | Mapping[str, Any]]] | None" = None,
        **kwargs: Any,
    ) -> None:
        from tfctr.calibration.curve import Curve

        two_logits = model.heads.two_logits
        super().__init__(model.schema, two_logits=two_logits, seed=model.seed, **kwargs)
        self.model = model
        for name in {*curves, *(by_value or {})}:
            if name not in self.label_names:
                raise UnknownName("curves", name, self.label_names)
        for name in self.label_names:
            if name not in curves:
                raise InputError(
                    "curves", received=list(curves), expected=f"one of {name!r} too"
                )
        self.column = column
        # Past Keras' tracking, which makes wrappers of dicts.
        made = {name: Curve.of(curves[name]) for name in self.label_names}
        object.__setattr__(self, "curves", made)
        values = {
            name: {
                int(v): Curve.of(c) for v, c in (by_value or {}).get(name, {}).items()
            }
            for name in self.label_names
        }
        object.__setattr__(self, "by_value", values)
        object.__setattr__(self, "_tables", self._make_tables())

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        logits = self.model(inputs, training=training)
        ids = None if self.column is None else inputs[self.column]
        return self._bent(logits, ids)

    def encode_user(
        self, user_inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        state = self.model.encode_user(user_inputs, training=training)
        if self.column is not None and self.column in user_inputs:
            return {**state, COLUMN: user_inputs[self.column]}
        return state

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        own = {name: value for name, value in state.items() if name != COLUMN}
        logits = self.model.score(own, items, training=training)
        if self.column is None:
            return self._bent(logits, None)
        ids = state[COLUMN][:, None] if COLUMN in state else items[self.column]
        return self._bent(logits, ids)

    def check_ready(self) -> None:
        self.model.check_ready()

    def fit(self, *_: Any, **__: Any) -> Any:
        raise InputError(
            "model",
            received="a calibrated model",
            expected="its `model`, which is to be calibrated again afterwards",
        )

    def get_config(self) -> dict[str, Any]:
        config = keras.Model.get_config(self)
        return {
            **config,
            "model": keras.saving.serialize_keras_object(self.model),
            "curves": {name: curve.to_dict() for name, curve in self.curves.items()},
            "column": self.column,
            "by_value": {
                name: {str(value): curve.to_dict() for value, curve in values.items()}
                for name, values in self.by_value.items()
            },
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        model = keras.saving.deserialize_keras_object(config["model"], custom_objects)
        return cls(**{**config, "model": model})

    def _bent(
        self, logits: Mapping[str, Tensor], ids: Tensor | None
    ) -> dict[str, Tensor]:
        logits, outputs = parted(logits)
        bent = with_prefix(outputs)
        for name, x in logits.items():
            numbers, rows = self._tables[name]
            if ids is None or len(numbers) == 1:
                found = ops.convert_to_tensor(numbers[0])
            else:
                found = ops.take(numbers, ops.take(rows, ids, axis=0), axis=0)
            count = (numbers.shape[1] - 2) // 3
            x = ops.expand_dims(ops.cast(x, "float32"), -1)
            slope, value = found[..., 0], found[..., 1]
            knots, widths, slopes = (
                found[..., 2 + k * count : 2 + (k + 1) * count] for k in range(3)
            )
            # Piece by piece: sums of bends would cancel, and lose digits by that.
            pieces = slopes * ops.minimum(ops.relu(x - knots), widths)
            before = slope * ops.minimum((x - knots)[..., 0], 0.0)
            bent[name] = value + before + ops.sum(pieces, axis=-1)
        return bent

    def _make_tables(self) -> dict[str, tuple[Any, Any]]:
        """For each label numbers of all curves, and by id which of them it has."""
        tables = {}
        size = 1 if self.column is None else self._num_ids()
        for name, values in self.by_value.items():
            all_curves = [self.curves[name], *values.values()]
            count = max(1, *(len(curve.knots) for curve in all_curves))
            numbers = np.stack([_numbers(curve, count) for curve in all_curves])
            rows = np.zeros(size, "int32")
            for place, value in enumerate(values, 1):
                if not 0 <= value < size:
                    raise InputError(
                        f"by_value[{name!r}]",
                        received=value,
                        expected=f"ids below {size}",
                    )
                rows[value] = place
            tables[name] = (numbers, rows)
        return tables

    def _num_ids(self) -> int:
        columns = {c.name: c for c in self.schema.encoded_columns()}
        found = columns.get(str(self.column))
        if found is None or not isinstance(found.feature, Categorical):
            raise UnknownName("column", str(self.column), columns)
        return self.schema.size(found.feature.vocabulary)


def _numbers(curve: "Curve", count: int) -> np.ndarray:
    """Slope before the first knot, value there; knots, widths and slopes of pieces."""
    knots = np.array(curve.knots or (0.0,), "float64")
    slopes = curve.slope + np.cumsum(curve.bends or (0.0,))
    widths = np.append(np.diff(knots), np.finfo("float32").max)
    parts = np.zeros((3, count))
    parts[:, : len(knots)] = knots, widths, slopes
    first = np.array([curve.slope, float(curve(knots[0]))])
    return np.concatenate([first, parts.ravel()]).astype("float32")
