"""From models in memory to one SavedModel that servers load."""

from tfctr.export.item_store import ItemStore, ItemTable, item_table
from tfctr.export.parity import largest_difference
from tfctr.export.quantization import TABLE_FORMATS, quantize_rows
from tfctr.export.saving import next_version, save, write_saved_model
from tfctr.export.signatures import ServingModule
from tfctr.export.table_formats import TableFormatReport, compare_table_formats
from tfctr.export.warmup import warmup_inputs, write_warmup_requests

__all__ = [
    "TABLE_FORMATS",
    "ItemStore",
    "ItemTable",
    "ServingModule",
    "TableFormatReport",
    "compare_table_formats",
    "item_table",
    "largest_difference",
    "next_version",
    "quantize_rows",
    "save",
    "warmup_inputs",
    "write_saved_model",
    "write_warmup_requests",
]
