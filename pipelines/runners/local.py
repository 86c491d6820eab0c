"""The pipeline on one machine, with progress on the screen."""

import contextlib
import datetime
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import absl.logging
from ml_metadata.proto import metadata_store_pb2
from rich.console import Console
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import local_dag_runner, runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.mlmd import execution_lib

from tfctr.features import FeatureSchema
from tfctr.models.heads import Heads
from tfctr.models.tasks import parents_of, resolve_tasks
from tfctr.pipelines.config import PipelineConfig
from tfctr.pipelines.errors import PipelineError
from tfctr.pipelines.inputs import resolve_inputs
from tfctr.pipelines.pipeline import make_pipeline
from tfctr.pipelines.runners.result import PipelineResult, read_result
from tfctr.pipelines.training import head_class

__all__ = ["ProgressRunner", "run_pipeline"]

LOUD = ("apache_beam", "absl", "tensorflow", "root")
Report = Callable[[str], None]


def run_pipeline(
    config: PipelineConfig, *, report: Report | None = None
) -> PipelineResult:
    """Runs the whole pipeline on this machine.

    A second run with the same configuration, files and code takes everything from
    TFX's cache.

    Args:
        config: The configuration.
        report: Called with a line for each component; prints it by default.

    Returns:
        Paths and numbers of the run. `pushed` is `None` where the model missed a
        threshold or the serving check; `problems` says which.

    Raises:
        PipelineError: A component failed; says which one and of what.
        InputError: The configuration names what is not there.
    """
    with _quiet():
        for head in ("ranking", "pre_ranking"):
            head_class(getattr(config, head).model_dump(), head)
        inputs = resolve_inputs(config)
        _check_tasks(config, inputs.schema)
        config.output.mkdir(parents=True, exist_ok=True)
        config.serving_folder.mkdir(parents=True, exist_ok=True)
        runner = ProgressRunner(report or Console(stderr=True).print)
        runner.run(make_pipeline(config, inputs))
        label = inputs.schema.labels[0].name
        return read_result(runner.outputs, label, runner.seconds, runner.cached)


def _check_tasks(config: PipelineConfig, schema: FeatureSchema) -> None:
    """Refuses tasks of labels that the schema does not have, before anything runs."""
    for head in (config.ranking, config.pre_ranking):
        heads = Heads(schema.labels, head.arguments.get("two_logits", ()))
        resolve_tasks(head.made_tasks() or (), parents_of(schema.labels), heads)


class ProgressRunner(local_dag_runner.LocalDagRunner):
    """TFX's local runner, which also says what it does and keeps what came out.

    Args:
        report: Called with a line for each component.

    Attributes:
        seconds: Time of each component that has run.
        cached: Components that were served from the cache.
        outputs: Output artifacts by component and key.
    """

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
        self.seconds: dict[str, float] = {}
        self.cached: list[str] = []
        self.outputs: dict[str, dict[str, Any]] = {}

    def run_with_ir(self, pipeline: Any, run_options: Any = None) -> None:
        """Runs the components in order; as the base class, component by component.

        Args:
            pipeline: The compiled pipeline.
            run_options: Not supported.

        Raises:
            PipelineError: A component failed.
        """
        now = datetime.datetime.now().isoformat()
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: now}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = deployment.metadata_connection_config
        store = getattr(connection, connection.WhichOneof("connection_config"))
        nodes = [node.pipeline_node for node in pipeline.nodes]
        for place, node in enumerate(nodes, 1):
            name = node.node_info.id
            self.report(f"[{place:2}/{len(nodes)}] {name} ...")
            started = time.monotonic()
            try:
                info = launcher.Launcher(
                    pipeline_node=node,
                    mlmd_connection=metadata.Metadata(store),
                    pipeline_info=pipeline.pipeline_info,
                    pipeline_runtime_spec=pipeline.runtime_spec,
                    executor_spec=runner_utils.extract_executor_spec(deployment, name),
                    custom_driver_spec=runner_utils.extract_custom_driver_spec(
                        deployment, name
                    ),
                ).launch()
            except Exception as error:
                raise PipelineError(name, error) from error
            self.seconds[name] = round(time.monotonic() - started, 2)
            self._keep(name, info, store)
            how = " from the cache" if name in self.cached else ""
            self.report(f"[{place:2}/{len(nodes)}] {name}: {self.seconds[name]} s{how}")

    def _keep(self, name: str, info: Any, store: Any) -> None:
        if info is None or not info.execution_id:
            return
        with metadata.Metadata(store) as handle:
            (execution,) = handle.store.get_executions_by_id([info.execution_id])
            if execution.last_known_state == metadata_store_pb2.Execution.CACHED:
                self.cached.append(name)
            found = execution_lib.get_output_artifacts(handle, info.execution_id)
            self.outputs[name] = {key: artifacts[0] for key, artifacts in found.items()}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Errors only from TFX, Beam and TensorFlow, as long as the run lasts."""
    loggers = [logging.getLogger(None if name == "root" else name) for name in LOUD]
    levels = [logger.level for logger in loggers]
    verbosity = absl.logging.get_verbosity()
    absl.logging.set_verbosity(absl.logging.ERROR)
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        absl.logging.set_verbosity(verbosity)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
