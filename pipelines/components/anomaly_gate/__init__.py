"""Component that stops the run where the data does not fit the schema."""

from tfctr.pipelines.components.anomaly_gate.component import AnomalyGate

__all__ = ["AnomalyGate"]
