"""Custom TFX components: in each folder the contract and the work."""

from tfctr.pipelines.components.anomaly_gate import AnomalyGate
from tfctr.pipelines.components.behaviour_example_gen import BehaviourExampleGen
from tfctr.pipelines.components.id_pretraining import IDPretraining
from tfctr.pipelines.components.item_store import ItemStore
from tfctr.pipelines.components.serving_check import ServingCheck

__all__ = [
    "AnomalyGate",
    "BehaviourExampleGen",
    "IDPretraining",
    "ItemStore",
    "ServingCheck",
]
