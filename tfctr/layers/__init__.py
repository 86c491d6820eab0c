"""Keras layers, grouped by what they do."""

from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.layers.embedding.item_frequencies import ItemFrequencies
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
from tfctr.layers.interaction.ensemble.convolution_module import ConvolutionModule
from tfctr.layers.interaction.ensemble.cross_module import CrossModule
from tfctr.layers.interaction.ensemble.hierarchical_ensemble import HierarchicalEnsemble
from tfctr.layers.interaction.ensemble.interaction_module import InteractionModule
from tfctr.layers.interaction.ensemble.mask_module import MaskBlock, MaskModule
from tfctr.layers.interaction.ensemble.plain_modules import (
    DotModule,
    FactorizationModule,
    LinearModule,
    MLPModule,
)
from tfctr.layers.interaction.ensemble.transformer_module import TransformerModule
from tfctr.layers.interaction.factorization_machine import FactorizationMachine
from tfctr.layers.interaction.field_attention import FieldAttention
from tfctr.layers.interaction.inner_products import InnerProducts
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.interaction.squeeze_excitation import SqueezeExcitation
from tfctr.layers.multimodal.modal_experts import ModalExperts
from tfctr.layers.multimodal.modal_fusion import ModalFusion
from tfctr.layers.multimodal.modal_projection import ModalProjection
from tfctr.layers.multimodal.modal_synergy import ModalSynergy
from tfctr.layers.multimodal.modal_table import ModalTable
from tfctr.layers.multitask.expert_mixture import ExpertMixture
from tfctr.layers.multitask.progressive_extraction import ProgressiveExtraction
from tfctr.layers.multitask.task_towers import TaskTowers
from tfctr.layers.quantization.additive_head import AdditiveHead
from tfctr.layers.quantization.codebook_attention import CodebookAttention
from tfctr.layers.quantization.interest_head import InterestHead
from tfctr.layers.quantization.item_autoencoder import ItemAutoencoder
from tfctr.layers.quantization.residual_quantizer import ResidualQuantizer
from tfctr.layers.quantization.tower_head import TowerHead
from tfctr.layers.sequence.action_embedding import ActionEmbedding
from tfctr.layers.sequence.adaptive_fusion import AdaptiveFusion
from tfctr.layers.sequence.additive_pooling import AdditivePooling
from tfctr.layers.sequence.attentional_gru import AttentionalGRU
from tfctr.layers.sequence.bilinear_attention import BilinearAttention
from tfctr.layers.sequence.calendar_encoding import CalendarEncoding
from tfctr.layers.sequence.causal_encoder import CausalEncoder
from tfctr.layers.sequence.causal_softmax_block import CausalSoftmaxBlock
from tfctr.layers.sequence.dual_flow_block import DualFlowBlock
from tfctr.layers.sequence.event_attention import EventAttention
from tfctr.layers.sequence.event_gru import EventGRU
from tfctr.layers.sequence.event_lstm import EventLSTM
from tfctr.layers.sequence.hstu_block import HSTUBlock
from tfctr.layers.sequence.hstu_settings import HSTUSettings
from tfctr.layers.sequence.interest_gate import InterestGate
from tfctr.layers.sequence.interest_settings import InterestSettings
from tfctr.layers.sequence.interval_encoding import IntervalEncoding
from tfctr.layers.sequence.long_short_interest import LongShortInterest
from tfctr.layers.sequence.next_action import NextActionLoss
from tfctr.layers.sequence.query_pooling import QueryPooling
from tfctr.layers.sequence.relative_bias import RelativeBias
from tfctr.layers.sequence.softmax_attention import SoftmaxAttention
from tfctr.layers.sequence.target_attention import TargetAttention
from tfctr.layers.sequence.time_aware_attention import TimeAwareAttention
from tfctr.layers.sequence.time_aware_lstm import TimeAwareLSTM
from tfctr.layers.sequence.time_controlled_lstm import TimeControlledLSTM
from tfctr.layers.sequence.time_gated_lstm import TimeGatedLSTM

__all__ = [
    "APG",
    "MLP",
    "ActionEmbedding",
    "AdaptiveDense",
    "AdaptiveFusion",
    "AdaptiveMLP",
    "AdditiveHead",
    "AdditivePooling",
    "AttentionalGRU",
    "BilinearAttention",
    "BilinearInteraction",
    "CalendarEncoding",
    "CausalEncoder",
    "CausalSoftmaxBlock",
    "CodebookAttention",
    "CompressedInteraction",
    "ConditionAttention",
    "ConvolutionModule",
    "CrossModule",
    "CrossNetwork",
    "DecomposedAdaptiveDense",
    "DotModule",
    "DualFlowBlock",
    "EmbeddingCollection",
    "EmbeddingTable",
    "EventAttention",
    "EventGRU",
    "EventLSTM",
    "ExpertMixture",
    "FactorizationMachine",
    "FactorizationModule",
    "FieldAttention",
    "FullAdaptiveDense",
    "GeneratorConfig",
    "HSTUBlock",
    "HSTUSettings",
    "HierarchicalEnsemble",
    "InnerProducts",
    "InteractionModule",
    "InterestGate",
    "InterestHead",
    "InterestSettings",
    "IntervalEncoding",
    "ItemAutoencoder",
    "ItemFrequencies",
    "LinearModule",
    "LongShortInterest",
    "MLPModule",
    "MaskBlock",
    "MaskModule",
    "ModalExperts",
    "ModalFusion",
    "ModalProjection",
    "ModalSynergy",
    "ModalTable",
    "NextActionLoss",
    "OverParameterizedAdaptiveDense",
    "ParameterGenerator",
    "PooledEmbeddings",
    "ProgressiveExtraction",
    "QueryPooling",
    "RebuiltAdaptiveDense",
    "RelativeBias",
    "ResidualQuantizer",
    "SharedAdaptiveDense",
    "SoftmaxAttention",
    "SqueezeExcitation",
    "TargetAttention",
    "TaskTowers",
    "TimeAwareAttention",
    "TimeAwareLSTM",
    "TimeControlledLSTM",
    "TimeGatedLSTM",
    "TowerHead",
    "TransformerModule",
    "break_even_rank",
]
