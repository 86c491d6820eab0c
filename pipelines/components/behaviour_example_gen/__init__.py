"""Component that turns raw events, users and items into examples."""

from tfctr.pipelines.components.behaviour_example_gen.component import (
    BehaviourExampleGen,
)

__all__ = ["BehaviourExampleGen"]
