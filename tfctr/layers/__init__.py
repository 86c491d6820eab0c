"""Keras layers, grouped by what they do."""

from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.layers.embedding.pooled import PooledEmbeddings
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.layers.interaction.cross_network import CrossNetwork
from tfctr.layers.interaction.factorization_machine import FactorizationMachine
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.sequence.adaptive_fusion import AdaptiveFusion
from tfctr.layers.sequence.additive_pooling import AdditivePooling
from tfctr.layers.sequence.attentional_gru import AttentionalGRU
from tfctr.layers.sequence.bilinear_attention import BilinearAttention
from tfctr.layers.sequence.event_gru import EventGRU
from tfctr.layers.sequence.event_lstm import EventLSTM
from tfctr.layers.sequence.query_pooling import QueryPooling
from tfctr.layers.sequence.target_attention import TargetAttention
from tfctr.layers.sequence.time_controlled_lstm import TimeControlledLSTM
from tfctr.layers.sequence.time_gated_lstm import TimeGatedLSTM

__all__ = [
    "MLP",
    "AdaptiveFusion",
    "AdditivePooling",
    "AttentionalGRU",
    "BilinearAttention",
    "CrossNetwork",
    "EmbeddingCollection",
    "EmbeddingTable",
    "EventGRU",
    "EventLSTM",
    "FactorizationMachine",
    "PooledEmbeddings",
    "QueryPooling",
    "TargetAttention",
    "TimeControlledLSTM",
    "TimeGatedLSTM",
]
