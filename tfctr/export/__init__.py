"""From models in memory to one SavedModel that servers load."""

from tfctr.export.fingerprint import checkpoint_fingerprint
from tfctr.export.item_files import read_item_table, write_item_table
from tfctr.export.item_store import ItemStore, ItemTable, item_table
from tfctr.export.parity import largest_difference
from tfctr.export.quantization import TABLE_FORMATS, quantize_rows
from tfctr.export.retrieval import retrieval_index
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
    "checkpoint_fingerprint",
    "compare_table_formats",
    "item_table",
    "largest_difference",
    "next_version",
    "quantize_rows",
    "read_item_table",
    "retrieval_index",
    "save",
    "warmup_inputs",
    "write_item_table",
    "write_saved_model",
    "write_warmup_requests",
]
