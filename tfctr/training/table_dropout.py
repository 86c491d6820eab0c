"""Dropout on the rows of embedding tables, for any model."""

from tfctr.models import RankingModel
from tfctr.models.table_settings import embedding_tables
from tfctr.seeds import derived_seed

__all__ = ["drop_rows"]


def drop_rows(model: RankingModel, dropout: float) -> None:
    """Lets training see a share of the entries of all looked-up rows as 0.

    Against the one-epoch drop: what a tower cannot rely on, it does not learn by heart.
    Entries that stay are scaled up, so that their mean is as before. All tables take
    part, those of dense features and linear weights in the same rows too. The setting
    is saved with the model.

    Args:
        model: Any ranking model.
        dropout: The share; 0 ends it.
    """
    model.build()
    for place, table in enumerate(embedding_tables(model)):
        table.drop(dropout, derived_seed(model.seed, f"table_dropout_{place}"))
    model.train_function = None  # which may be traced without it
