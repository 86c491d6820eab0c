"""Contract of ItemStore."""

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from tfctr.pipelines.components.item_store.artifacts import EncodedItems
from tfctr.pipelines.components.item_store.executor import Executor

__all__ = ["ItemStore", "ItemStoreSpec"]


class ItemStoreSpec(types.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {  # noqa: RUF012  # TFX reads a class attribute
        "items": ExecutionParameter(type=str),
        "list_separator": ExecutionParameter(type=str),
        "item_key": ExecutionParameter(type=str),
        "serving": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "trained": ChannelParameter(type=standard_artifacts.Model)
    }
    OUTPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "item_store": ChannelParameter(type=EncodedItems),
        "model": ChannelParameter(type=standard_artifacts.Model),
    }


class ItemStore(base_beam_component.BaseBeamComponent):
    """Encodes all items by Beam and assembles the served model with them.

    Args:
        trained: The Trainer's output: both heads and what was learnt.
        items: Path or pattern of the item table.
        item_key: Its column with the item id.
        serving: `top_k` and `score` of `ServingConfig` as JSON.
        fingerprint: Text that changes when the files change, for the cache.
        list_separator: What separates several values of one cell in CSV.
    """

    SPEC_CLASS = ItemStoreSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        trained: types.BaseChannel,
        items: str,
        item_key: str,
        serving: str,
        fingerprint: str,
        list_separator: str = "|",
    ) -> None:
        super().__init__(
            ItemStoreSpec(
                trained=trained,
                items=items,
                item_key=item_key,
                serving=serving,
                fingerprint=fingerprint,
                list_separator=list_separator,
                item_store=types.Channel(type=EncodedItems),
                model=types.Channel(type=standard_artifacts.Model),
            )
        )
