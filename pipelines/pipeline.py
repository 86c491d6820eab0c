"""The graph: raw events to a checked, pushed SavedModel."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.types import channel

from tfctr.pipelines.baseline import LastOtherBlessedModel
from tfctr.pipelines.components import (
    AnomalyGate,
    BehaviourExampleGen,
    IDPretraining,
    ItemStore,
    ServingCheck,
)
from tfctr.pipelines.config import PipelineConfig
from tfctr.pipelines.evaluation import evaluation_config
from tfctr.pipelines.inputs import PipelineInputs, code_digest, file_digest
from tfctr.pipelines.pretraining_config import TABLES
from tfctr.pipelines.tfx_schema import tfx_schema_text
from tfctr.pipelines.warm_start import LastBlessedHeads
from tfctr.training.pretrained import read_pretrained

__all__ = ["make_pipeline", "metadata_path"]


def make_pipeline(config: PipelineConfig, inputs: PipelineInputs) -> Any:
    """The TFX pipeline of a configuration, for any of TFX's runners.

    Args:
        config: The configuration.
        inputs: What `resolve_inputs` found.

    Returns:
        A `tfx.dsl.Pipeline`.
    """
    root = config.output.absolute()
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(root / "artifacts"),
        components=_components(config, inputs),
        enable_cache=config.cache,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(metadata_path(config))
        ),
        beam_pipeline_args=_beam_arguments(config),
    )


def metadata_path(config: PipelineConfig) -> Path:
    """TFX's record of all runs."""
    return config.output.absolute() / "metadata.sqlite"


def _components(config: PipelineConfig, inputs: PipelineInputs) -> list[BaseNode]:
    settings = _Settings(config, inputs)
    examples, *checks, imported, gate = _checked_examples(settings)
    sequences = _user_sequences(settings)
    transform = _transform(settings, examples, imported)
    tables = _tables(settings, transform)
    begin = _last_heads(settings, transform)
    trainer = _trainer(settings, transform, sequences, [*tables, *begin])
    for node in (transform, *sequences):
        node.add_upstream_node(gate)
    delivery = _delivery(settings, examples, transform, trainer)
    ready = [examples, imported, *checks, gate, transform, *tables, *sequences, *begin]
    return [*ready, trainer, *delivery]


class _Settings:
    """What several components take, as they take it."""

    def __init__(self, config: PipelineConfig, inputs: PipelineInputs) -> None:
        self.config, self.inputs = config, inputs
        self.schema, self.code = inputs.schema.to_json(), code_digest()
        self.serving = config.serving.model_dump_json(exclude={"folder"})
        self.separator = config.data.list_separator


def _example_gen(settings: _Settings, **arguments: str) -> BaseNode:
    inputs = settings.inputs
    return BehaviourExampleGen(
        schema=settings.schema,
        behaviour=json.dumps(inputs.behaviour.to_dict()),
        paths=json.dumps(inputs.paths),
        list_separator=settings.separator,
        fingerprint=json.dumps([inputs.fingerprints, settings.code]),
        **arguments,
    )


def _user_sequences(settings: _Settings) -> list[BaseNode]:
    """Whole users, of the same log by the same rules, for a head that asks for them."""
    ranking = settings.config.ranking
    if ranking.form != "user_sequences":
        return []
    form = json.dumps(ranking.model_dump(include={"max_events", "weighting"}))
    return [_example_gen(settings, user_sequences=form).with_id("UserSequenceGen")]


def _checked_examples(settings: _Settings) -> list[BaseNode]:
    """Examples whose every split fits the schema."""
    inputs, examples = settings.inputs, _example_gen(settings)
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    imported = tfx.components.ImportSchemaGen(
        schema_file=_write_schema(settings.config, tfx_schema_text(inputs.schema))
    )
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=imported.outputs["schema"]
    )
    gate = AnomalyGate(anomalies=validator.outputs["anomalies"])
    return [examples, statistics, validator, imported, gate]


def _transform(settings: _Settings, examples: BaseNode, imported: BaseNode) -> BaseNode:
    """Vocabularies and moments, and the examples encoded with them."""
    return tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=imported.outputs["schema"],
        preprocessing_fn="tfctr.pipelines.preprocessing.preprocessing_fn",
        splits_config=tfx.proto.SplitsConfig(
            analyze=["train"], transform=["train", "validation", "test"]
        ),
        custom_config={"schema": settings.schema, "code": settings.code},
        disable_statistics=True,
        disable_analyzer_cache=True,
    )


def _tables(settings: _Settings, transform: BaseNode) -> list[BaseNode]:
    """Tables of ids, where the configuration has a section for them."""
    how = settings.config.id_pretraining
    if how is None:
        return []
    inputs, log = settings.inputs, ""
    files: dict[str, Any] = {
        name: [str(path), file_digest(name, path)]
        for name, path in (how.positives or {}).items()
    }
    if how.earliest is not None:
        log = json.dumps([inputs.behaviour.to_dict(), inputs.paths, settings.separator])
        files = inputs.fingerprints
    return [
        IDPretraining(
            transform_graph=transform.outputs["transform_graph"],
            schema=settings.schema,
            settings=how.model_dump_json(),
            log=log,
            fingerprint=json.dumps([files, settings.code]),
        )
    ]


def _trainer(
    settings: _Settings,
    transform: BaseNode,
    sequences: list[BaseNode],
    base: list[BaseNode],
) -> BaseNode:
    """Both heads, from tables or heads of earlier on if there is a node for them."""
    learnt_from = [transform.outputs["transformed_examples"]]
    learnt_from += [node.outputs["examples"] for node in sequences]
    return tfx.components.Trainer(
        run_fn="tfctr.pipelines.training.run_fn",
        examples=channel.union(learnt_from) if sequences else learnt_from[0],
        transform_graph=transform.outputs["transform_graph"],
        base_model=_base(base[0]) if base else None,
        train_args=tfx.proto.TrainArgs(splits=["train"]),
        eval_args=tfx.proto.EvalArgs(splits=["validation"]),
        custom_config={
            "schema": settings.schema,
            "code": settings.code,
            "ranking": settings.config.ranking.model_dump(),
            "pre_ranking": settings.config.pre_ranking.model_dump(),
            "tables": _fingerprints(settings.config),
            "warm_start": settings.config.warm_start,
        },
    )


def _base(node: BaseNode) -> Any:
    return node.outputs["tables" if "tables" in node.outputs else "model"]


def _last_heads(settings: _Settings, transform: BaseNode) -> list[BaseNode]:
    """What training begins with, where the configuration asks for it."""
    if not settings.config.warm_start:
        return []
    types = tfx.types.standard_artifacts
    return [
        tfx.dsl.Resolver(
            strategy_class=LastBlessedHeads,
            examples=transform.outputs["transformed_examples"],
            model=tfx.dsl.Channel(type=types.Model),
            model_blessing=tfx.dsl.Channel(type=types.ModelBlessing),
            infra_blessing=tfx.dsl.Channel(type=types.InfraBlessing),
        ).with_id("LastBlessedHeads")
    ]


def _fingerprints(config: PipelineConfig) -> list[str]:
    """Of pretrained tables, by which TFX's cache tells other rows apart."""
    given = [head.pretrained for head in (config.ranking, config.pre_ranking)]
    folders = [tables.folder for tables in given if tables is not None]
    return [read_pretrained(f).fingerprint for f in folders if f != TABLES]


def _delivery(
    settings: _Settings, examples: BaseNode, transform: BaseNode, trainer: BaseNode
) -> list[BaseNode]:
    """The assembled model, evaluated, asked over gRPC, and pushed if both agree."""
    config, inputs = settings.config, settings.inputs
    raw, trained = examples.outputs["examples"], trainer.outputs["model"]
    store = ItemStore(
        trained=trained,
        items=inputs.paths["items"],
        item_key=inputs.behaviour.item_key,
        list_separator=settings.separator,
        serving=config.serving.model_dump_json(
            include={"top_k", "score", "retrieval_k", "table_format"}
        ),
        fingerprint=json.dumps([inputs.fingerprints["items"], settings.code]),
    )
    model = store.outputs["model"]
    blessed = _last_blessed_model(model)
    evaluator = tfx.components.Evaluator(
        examples=raw,
        example_splits=["test"],
        model=model,
        baseline_model=blessed.outputs["model"],
        eval_config=evaluation_config(inputs.schema, config.evaluation),
    )
    check = ServingCheck(
        model=model,
        trained=trained,
        examples=raw,
        transform_graph=transform.outputs["transform_graph"],
        serving=settings.serving,
    )
    pusher = tfx.components.Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=check.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem={"base_directory": str(config.serving_folder)}
        ),
    )
    return [store, blessed, evaluator, check, pusher]


def _last_blessed_model(candidate: Any) -> BaseNode:
    types = tfx.types.standard_artifacts
    return tfx.dsl.Resolver(
        strategy_class=LastOtherBlessedModel,
        candidate=candidate,
        model=tfx.dsl.Channel(type=types.Model),
        model_blessing=tfx.dsl.Channel(type=types.ModelBlessing),
        infra_blessing=tfx.dsl.Channel(type=types.InfraBlessing),
    ).with_id("LastBlessedModel")


def _write_schema(config: PipelineConfig, text: str) -> str:
    """A file named by its content, since TFX's cache goes by the name."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = config.output.absolute() / "schema" / digest / "schema.pbtxt"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(path)


def _beam_arguments(config: PipelineConfig) -> list[str]:
    if config.beam.pipeline_args:
        return list(config.beam.pipeline_args)
    # More workers of the direct runner only help from millions of events on.
    return ["--direct_running_mode=in_memory", "--direct_num_workers=1"]
