"""Component that encodes all items and assembles the served model."""

from tfctr.pipelines.components.item_store.component import ItemStore

__all__ = ["ItemStore"]
