"""Which model a new one is compared with."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy

__all__ = ["MODEL_ID", "LastOtherBlessedModel", "blessed_ids"]


# Property by which a blessing of either kind names the model that it is about.
MODEL_ID = "current_model_id"


class LastOtherBlessedModel(latest_blessed_model_strategy.LatestBlessedModelStrategy):
    """The last model that both checks blessed, other than the candidate itself.

    TFX's own strategy gives a candidate that comes from the cache as its own
    baseline. The evaluation would then run again, and the same model would be pushed
    a second time. It also takes models that the serving check has refused.

    Its resolver takes `model`, `model_blessing`, `infra_blessing` and `candidate`.
    """

    def resolve_artifacts(
        self, store: Any, input_dict: Mapping[str, list[Any]]
    ) -> dict[str, list[Any]] | None:
        """Resolves `model` and `model_blessing`; both empty where there is none.

        Args:
            store: The metadata store.
            input_dict: All models, all blessings of both kinds, and the candidate.
        """
        served = blessed_ids(input_dict["infra_blessing"])
        others = served - {artifact.id for artifact in input_dict["candidate"]}
        models = [a for a in input_dict["model"] if a.id in others]
        found = super().resolve_artifacts(
            store, {"model": models, "model_blessing": input_dict["model_blessing"]}
        )
        return None if found is None else {**input_dict, **found}


def blessed_ids(blessings: Iterable[Any]) -> set[int]:
    """Ids of the models that blessings of one kind speak well of.

    Args:
        blessings: The artifacts.
    """
    return {
        artifact.get_int_custom_property(MODEL_ID)
        for artifact in blessings
        if artifact.get_int_custom_property("blessed") == 1
    }
