"""Work of AnomalyGate."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from tfctr.errors import InputError

__all__ = ["Executor", "anomalies_in"]

# Name under which ExampleValidator writes the findings of a split.
FILE_NAME = "SchemaDiff.pb"


class Executor(base_executor.BaseExecutor):
    """Reads the findings and refuses any."""

    def Do(  # named by TFX
        self,
        input_dict: Mapping[str, list[Any]],
        output_dict: Mapping[str, list[Any]],
        exec_properties: Mapping[str, Any],
    ) -> None:
        """Raises if there is an anomaly.

        Args:
            input_dict: Has `anomalies`.
            output_dict: Has `passed`.
            exec_properties: Nothing.

        Raises:
            InputError: Names every feature with an anomaly, the split and the reason.
        """
        artifact = artifact_utils.get_single_instance(input_dict["anomalies"])
        splits = artifact_utils.decode_split_names(artifact.split_names)
        found = [
            finding
            for split in splits
            for finding in anomalies_in(
                split,
                fileio.open(
                    os.path.join(
                        artifact_utils.get_split_uri([artifact], split), FILE_NAME
                    ),
                    "rb",
                ).read(),
            )
        ]
        if found:
            features = ", ".join(dict.fromkeys(feature for feature, _ in found))
            raise InputError(
                features,
                received="; ".join(text for _, text in found),
                expected="examples that fit the schema",
                hint="Mend the data, or the schema if the data is right.",
            )
        passed = artifact_utils.get_single_instance(output_dict["passed"])
        passed.value = f"no anomalies in {', '.join(splits)}"


def anomalies_in(split: str, serialized: bytes) -> Iterator[tuple[str, str]]:
    """Name of each feature with an anomaly, and a sentence about it.

    Args:
        split: Name of the split.
        serialized: An `Anomalies` message.
    """
    anomalies = anomalies_pb2.Anomalies.FromString(serialized)
    if anomalies.data_missing:
        yield "examples", f"{split} has no examples"
    for name, info in sorted(anomalies.anomaly_info.items()):
        reasons = " ".join(
            f"{reason.short_description}: {reason.description}"
            for reason in info.reason
        )
        yield name, f"in {split}, {name}: {reasons or info.description}"
