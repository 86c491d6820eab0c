"""Inputs of a schema without data: symbolic ones, and a row of zeros."""

from collections.abc import Iterable

import keras
import tensorflow as tf

from tfctr.features.schema import ROLES, FeatureSchema
from tfctr.types import Tensor

__all__ = ["blank_row", "keras_inputs"]


def keras_inputs(
    schema: FeatureSchema, roles: Iterable[str] = ROLES
) -> dict[str, Tensor]:
    """Symbolic inputs of the encoded columns of `roles`, by name.

    >>> from tfctr.features import Categorical, FeatureSchema, Label
    >>> schema = FeatureSchema(
    ...     user=[Categorical("user_id")], item=[Categorical("item_id")],
    ...     labels=[Label("click")], user_id="user_id", item_id="item_id")
    >>> sorted(keras_inputs(schema, ["user"]))
    ['user_id']
    """
    return {
        column.name: keras.Input(column.shape, dtype=column.dtype, name=column.name)
        for column in schema.encoded_columns(roles)
    }


def blank_row(schema: FeatureSchema, roles: Iterable[str] = ROLES) -> dict[str, Tensor]:
    """One example of zeros in the encoded columns of `roles`, by name.

    Args:
        schema: The schema.
        roles: Whose columns.
    """
    return {
        column.name: tf.zeros((1, *column.shape), column.dtype)
        for column in schema.encoded_columns(roles)
    }
