"""Models that look up precomputed vectors of items."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.layers import ModalTable
from tfctr.models.training_losses import TrainingLosses

__all__ = ["VectorTables"]


class VectorTables(TrainingLosses):
    """A model with tables of vectors, which are loaded and not learnt from nothing.

    Args:
        schema: The schema, with sizes.
        tables: Width of each table by its name.
        train_tables: Whether training changes the vectors; those that are missing stay
            so.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Attributes:
        vector_tables: The tables that are in use, by name.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        tables: Mapping[str, int] | None = None,
        train_tables: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.tables, self.train_tables = dict(tables or {}), train_tables
        self.vector_tables: dict[str, ModalTable] = {}

    def load_vectors(self, name: str, vectors: Any) -> None:
        """Sets the vectors of a table, one for each row of the items' vocabulary.

        Args:
            name: Name of the table.
            vectors: `(rows, width)` numbers, for example a memory-mapped file; a row of
                NaN or zeros is a missing vector. `tfctr.data.vectors_by_row` makes it.

        Raises:
            UnknownName: There is no such table.
            InputError: Another shape, numbers that are not finite, or no vector at all.
        """
        if name not in self.vector_tables:
            raise UnknownName("table", name, self.vector_tables)
        self.vector_tables[name].load(vectors)

    def check_ready(self) -> None:
        self.build()
        for name, table in self.vector_tables.items():
            if not table.is_loaded():
                raise InputError(
                    f"table {name}",
                    received="no vectors",
                    expected="vectors of the items",
                    hint=f"Call `load_vectors({name!r}, vectors)` before.",
                )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tables": self.tables,
            "train_tables": self.train_tables,
        }

    def make_vector_tables(self, names: Iterable[str]) -> None:
        """Makes the tables of these names, empty.

        Args:
            names: Names of `tables`; others are not looked at.
        """
        feature: Any = self.schema.column(str(self.schema.item_id)).feature
        rows = self.schema.size(str(feature.vocabulary))
        self.vector_tables = {
            name: ModalTable(
                rows,
                width,
                trainable_rows=self.train_tables,
                dtype="float32",
                name=f"{name}_table",
            )
            for name, width in self.tables.items()
            if name in set(names)
        }
