"""Keras layers, grouped by what they do."""

from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.layers.embedding.pooled import PooledEmbeddings
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.layers.interaction.adaptive.adaptive_dense import AdaptiveDense
from tfctr.layers.interaction.adaptive.adaptive_mlp import AdaptiveMLP
from tfctr.layers.interaction.adaptive.apg import APG
from tfctr.layers.interaction.adaptive.condition_attention import ConditionAttention
from tfctr.layers.interaction.adaptive.costs import break_even_rank
from tfctr.layers.interaction.adaptive.decomposed_adaptive_dense import (
    DecomposedAdaptiveDense,
)
from tfctr.layers.interaction.adaptive.full_adaptive_dense import FullAdaptiveDense
from tfctr.layers.interaction.adaptive.generator_config import GeneratorConfig
from tfctr.layers.interaction.adaptive.over_parameterized_adaptive_dense import (
    OverParameterizedAdaptiveDense,
)
from tfctr.layers.interaction.adaptive.parameter_generator import ParameterGenerator
from tfctr.layers.interaction.adaptive.rebuilt_adaptive_dense import (
    RebuiltAdaptiveDense,
)
from tfctr.layers.interaction.adaptive.shared_adaptive_dense import SharedAdaptiveDense
from tfctr.layers.interaction.bilinear_interaction import BilinearInteraction
from tfctr.layers.interaction.compressed_interaction import CompressedInteraction
from tfctr.layers.interaction.cross_network import CrossNetwork
from tfctr.layers.interaction.factorization_machine import FactorizationMachine
from tfctr.layers.interaction.field_attention import FieldAttention
from tfctr.layers.interaction.inner_products import InnerProducts
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.interaction.squeeze_excitation import SqueezeExcitation
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
    "APG",
    "MLP",
    "AdaptiveDense",
    "AdaptiveMLP",
    "BilinearInteraction",
    "CalendarEncoding",
    "CompressedInteraction",
    "ConditionAttention",
    "CrossNetwork",
    "DecomposedAdaptiveDense",
    "EmbeddingCollection",
    "EmbeddingTable",
    "FactorizationMachine",
    "FieldAttention",
    "FullAdaptiveDense",
    "GeneratorConfig",
    "InnerProducts",
    "InterestGate",
    "InterestSettings",
    "IntervalEncoding",
    "LongShortInterest",
    "OverParameterizedAdaptiveDense",
    "ParameterGenerator",
    "PooledEmbeddings",
    "RebuiltAdaptiveDense",
    "SharedAdaptiveDense",
    "SoftmaxAttention",
    "SqueezeExcitation",
    "TargetAttention",
    "TimeAwareAttention",
    "TimeAwareLSTM",
    "break_even_rank",
]
