"""New embedding tables for each epoch, so that a tower never sees a row twice."""

from typing import Any

import keras

from tfctr.errors import InputError
from tfctr.layers import EmbeddingTable
from tfctr.layers.embedding.initializers import NormalByName
from tfctr.models.table_settings import embedding_tables
from tfctr.seeds import derived_seed
from tfctr.training.growth import slots_of

__all__ = ["FreshTables"]


class FreshTables(keras.callbacks.Callback):
    """Starts each epoch but the first with newly drawn embedding tables.

    What over-fits in the second epoch of a click model are rows of rare ids, which the
    tower has learnt to trust. With new rows the tower sees the examples of each epoch
    as if for the first time; the tables are those of the last epoch. What an optimizer
    keeps for their rows starts anew too. All tables are drawn anew, those of dense
    features also; other weights are not touched.

    Raises:
        InputError: When training begins: the model has frozen tables, or rates by
            frequency, whose counts belong to rows that are trained on.

    Source: Liu et al., Multi-Epoch Learning for Deep Click-Through Rate Prediction
    Models (MEDA), 2023, its non-continual form.
    """

    def on_train_begin(self, logs: Any = None) -> None:
        of_tables = getattr(self.model.optimizer, "tables", self.model.optimizer)
        if getattr(of_tables, "frequency_adaptive", False):
            raise InputError(
                "fresh_tables",
                received="an optimizer with frequency_adaptive",
                expected="one of them",
            )
        for table in embedding_tables(self.model):
            if table.frozen is not None or not table.trainable:
                raise InputError(
                    "fresh_tables",
                    received=f"a frozen table, {table.path}",
                    expected="tables that are trained",
                )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not epoch:
            return
        for table in embedding_tables(self.model):
            _draw(table, epoch, self.model.distribute_strategy)
            starts = _first_values(self.model.optimizer, table.embeddings)
            slots = slots_of(self.model.optimizer, table.embeddings)
            for slot, value in zip(slots, starts, strict=True):
                slot.assign(keras.ops.full(slot.shape, value, slot.dtype))


def _draw(table: EmbeddingTable, epoch: int, strategy: Any) -> None:
    config = table.embeddings_initializer.get_config()
    if "seed" in config:
        config["seed"] = derived_seed(config["seed"], f"epoch_{epoch}")
    fresh = type(table.embeddings_initializer).from_config(config)
    variable = table.embeddings
    if isinstance(fresh, NormalByName) and strategy.num_replicas_in_sync == 1:
        fresh.fill(variable.value)  # piece by piece: a table may be large
    else:
        variable.assign(fresh(variable.shape, variable.dtype))


def _first_values(optimizer: Any, table: keras.Variable) -> list[float]:
    """What the slots of a row are before the first step: one number each."""
    row = keras.Variable(keras.ops.zeros((1, *table.shape[1:])), name="row")
    row.is_embedding_table = True  # for `tfctr.optimizers.Composite`
    fresh = type(optimizer).from_config(optimizer.get_config())
    fresh.build([row])
    return [float(keras.ops.max(slot)) for slot in slots_of(fresh, row)]
