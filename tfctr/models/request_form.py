"""Models called with whole requests: one user, an axis of candidates."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from tfctr.features import FeatureSchema
from tfctr.types import Tensor

__all__ = ["by_form", "is_request_form", "split_roles"]

USER_ROLES = ("user", "context", "sequence")


def is_request_form(schema: FeatureSchema, inputs: Mapping[str, Tensor]) -> bool:
    """Whether the item's columns have an axis of candidates behind the batch.

    Args:
        schema: The schema.
        inputs: Encoded tensors by name.
    """
    item = inputs.get(schema.item_id)
    return item is not None and len(item.shape) == 2


def split_roles(
    schema: FeatureSchema, inputs: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The columns of the user's side, and those of the item's.

    Args:
        schema: The schema.
        inputs: Encoded tensors by name; others are left out.
    """
    user, items = (
        {column.name: inputs[column.name] for column in schema.encoded_columns(roles)}
        for roles in (USER_ROLES, ("item",))
    )
    return user, items


def by_form(call: Callable[..., Any]) -> Callable[..., Any]:
    """A model's `call` that leaves requests to `call_requests`.

    Args:
        call: Takes the model, pointwise inputs and `training`.
    """

    @functools.wraps(call)
    def dispatched(
        self: Any, inputs: Mapping[str, Tensor], training: bool = False
    ) -> Any:
        if is_request_form(self.schema, inputs):
            return self.call_requests(inputs, training=training)
        return call(self, inputs, training=training)

    return dispatched
