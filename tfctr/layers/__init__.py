"""Keras layers, grouped by what they do."""

from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.layers.embedding.pooled import PooledEmbeddings
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.layers.interaction.cross_network import CrossNetwork
from tfctr.layers.interaction.factorization_machine import FactorizationMachine
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.sequence.calendar_encoding import CalendarEncoding
from tfctr.layers.sequence.interest_gate import InterestGate
from tfctr.layers.sequence.interest_settings import InterestSettings
from tfctr.layers.sequence.interval_encoding import IntervalEncoding
from tfctr.layers.sequence.long_short_interest import LongShortInterest
from tfctr.layers.sequence.softmax_attention import SoftmaxAttention
from tfctr.layers.sequence.target_attention import TargetAttention
from tfctr.layers.sequence.time_aware_attention import TimeAwareAttention
from tfctr.layers.sequence.time_aware_lstm import TimeAwareLSTM

__all__ = [
    "MLP",
    "CalendarEncoding",
    "CrossNetwork",
    "EmbeddingCollection",
    "EmbeddingTable",
    "FactorizationMachine",
    "InterestGate",
    "InterestSettings",
    "IntervalEncoding",
    "LongShortInterest",
    "PooledEmbeddings",
    "SoftmaxAttention",
    "TargetAttention",
    "TimeAwareAttention",
    "TimeAwareLSTM",
]
