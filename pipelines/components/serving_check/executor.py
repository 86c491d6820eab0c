"""Work of ServingCheck."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from tfctr.pipelines.baseline import MODEL_ID
from tfctr.pipelines.components.serving_check.answers import differences_over_grpc
from tfctr.pipelines.components.serving_check.encoding import skewed_features
from tfctr.pipelines.examples import raw_records
from tfctr.pipelines.trained import Trained
from tfctr.serving import ServingError

__all__ = ["REPORT", "Executor"]

REPORT = "report.json"
# Files and properties by which Pusher knows TFX's own InfraValidator.
BLESSED, NOT_BLESSED = "INFRA_BLESSED", "INFRA_NOT_BLESSED"


class Executor(base_executor.BaseExecutor):
    """Compares encodings and answers, and blesses the model if all agree."""

    def Do(  # named by TFX
        self,
        input_dict: Mapping[str, list[Any]],
        output_dict: Mapping[str, list[Any]],
        exec_properties: Mapping[str, Any],
    ) -> None:
        """Writes the blessing and `report.json` beside it.

        Args:
            input_dict: As in the component.
            output_dict: Has `blessing`.
            exec_properties: Has `serving`.
        """
        serving = json.loads(exec_properties["serving"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        trained = Trained.load(_model_folder(input_dict, "trained"))
        folder = artifact_utils.get_split_uri(input_dict["examples"], "test")
        files = tf.io.gfile.glob(f"{folder}/*")
        records = raw_records(files, serving["check_examples"])
        transform = tft.TFTransformOutput(
            artifact_utils.get_single_uri(input_dict["transform_graph"])
        )
        report: dict[str, Any] = {
            "examples": len(records),
            "skewed_features": skewed_features(transform, trained.state, records),
        }
        try:
            report["differences"] = differences_over_grpc(
                Path(_model_folder(input_dict, "model")), trained, records, serving
            )
            report["problems"] = _problems(report, serving["tolerance"])
        except ServingError as error:
            report["problems"] = [f"the server failed: {error}"]
        model = artifact_utils.get_single_instance(input_dict["model"])
        _bless(blessing, model.id, report)


def _model_folder(input_dict: Mapping[str, list[Any]], name: str) -> str:
    uri = artifact_utils.get_single_uri(input_dict[name])
    return str(path_utils.serving_model_dir(uri))


def _problems(report: Mapping[str, Any], tolerance: float) -> list[str]:
    problems = [
        f"feature `{name}` is encoded by Transform in another way than it is served"
        for name in report["skewed_features"]
    ]
    problems += [
        f"signature `{name}` differs from memory by {difference:.2g},"
        f" more than {tolerance:g}"
        for name, difference in report["differences"].items()
        if not difference <= tolerance
    ]
    return problems


def _bless(blessing: Any, model_id: int, report: Mapping[str, Any]) -> None:
    blessed = not report["problems"]
    folder = Path(blessing.uri)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT).write_text(json.dumps(report, indent=2))
    (folder / (BLESSED if blessed else NOT_BLESSED)).touch()
    blessing.set_int_custom_property("blessed", int(blessed))
    blessing.set_int_custom_property("has_model", 0)
    blessing.set_int_custom_property(MODEL_ID, model_id)
