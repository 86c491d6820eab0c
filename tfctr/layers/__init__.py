"""Keras layers, grouped by what they do."""

from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.layers.embedding.pooled import PooledEmbeddings
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.layers.interaction.bilinear_interaction import BilinearInteraction
from tfctr.layers.interaction.compressed_interaction import CompressedInteraction
from tfctr.layers.interaction.cross_network import CrossNetwork
from tfctr.layers.interaction.factorization_machine import FactorizationMachine
from tfctr.layers.interaction.field_attention import FieldAttention
from tfctr.layers.interaction.inner_products import InnerProducts
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.interaction.squeeze_excitation import SqueezeExcitation
from tfctr.layers.sequence.target_attention import TargetAttention

__all__ = [
    "MLP",
    "BilinearInteraction",
    "CompressedInteraction",
    "CrossNetwork",
    "EmbeddingCollection",
    "EmbeddingTable",
    "FactorizationMachine",
    "FieldAttention",
    "InnerProducts",
    "PooledEmbeddings",
    "SqueezeExcitation",
    "TargetAttention",
]
