"""From a configuration to what the components take: schema, rules, files."""

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfctr.data.behaviour import BehaviourSpec
from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.pipelines.config import PipelineConfig

__all__ = ["PipelineInputs", "code_digest", "file_digest", "resolve_inputs"]

SCHEMAS = ("movielens_100k",)
# Folders of tfctr whose code a component runs.
CODE = (
    "data",
    "export",
    "features",
    "layers",
    "losses",
    "metrics",
    "models",
    "training",
)


@dataclass(frozen=True)
class PipelineInputs:
    """What the first components read.

    Attributes:
        schema: The declaration.
        behaviour: The rules.
        paths: Absolute path or pattern of each raw table.
        fingerprints: Digest of each table's files, for the cache.
    """

    schema: FeatureSchema
    behaviour: BehaviourSpec
    paths: dict[str, str]
    fingerprints: dict[str, str]


def resolve_inputs(config: PipelineConfig) -> PipelineInputs:
    """Finds schema, rules and files; writes raw files of data sets by name.

    Args:
        config: The configuration.

    Raises:
        InputError: A file does not exist or cannot be read.
        UnknownName: There is no such schema.
    """
    if config.data.source == "movielens_100k":
        behaviour, paths = _movielens(config.output / "raw")
    else:
        behaviour = None
        named = {
            name: getattr(config.data, name) for name in ("events", "users", "items")
        }
        paths = {name: Path(path) for name, path in named.items() if path is not None}
    if config.behaviour is not None:
        behaviour = config.behaviour.to_spec()
    if behaviour is None:
        raise InputError("behaviour", received="nothing", expected="a section")
    if config.id_pretraining is not None:
        behaviour = config.id_pretraining.rules(behaviour)
    schema = _schema(config.schema_name or config.data.source)
    absolute = {name: str(path.absolute()) for name, path in paths.items()}
    return PipelineInputs(
        schema=schema.with_min_counts(config.min_counts),
        behaviour=behaviour,
        paths=absolute,
        fingerprints={n: file_digest(n, p) for n, p in absolute.items()},
    )


def code_digest() -> str:
    """Digest of the sources that decide what a run gives, for the cache."""
    import tfctr
    import tfctr.pipelines

    folders = [*tfctr.pipelines.__path__]
    folders += [f"{root}/{name}" for root in tfctr.__path__ for name in CODE]
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.py"))
    return _digest(files)


def file_digest(table: str, pattern: str) -> str:
    """Digest of the files that a path or pattern stands for, for the cache.

    Args:
        table: What they are, for error texts.
        pattern: The path or pattern.
    """
    return _digest(_matching(table, pattern))


def _schema(name: str) -> FeatureSchema:
    if name in SCHEMAS:
        from tfctr.data.movielens import movielens_schema

        return movielens_schema()
    path = Path(name)
    if not path.is_file():
        raise UnknownName("schema", name, SCHEMAS)
    try:
        return FeatureSchema.from_json(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError("schema", received=str(error), expected="JSON") from error


def _movielens(folder: Path) -> tuple[BehaviourSpec, dict[str, Path]]:
    from tfctr.data.movielens import MOVIELENS_SPEC, movielens_tables

    names = ("events", "users", "items")
    paths = {name: folder / f"{name}.parquet" for name in names}
    if not all(path.is_file() for path in paths.values()):
        aside = folder.with_name(folder.name + ".partial")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for name, table in zip(names, movielens_tables(), strict=True):
            table.to_parquet(aside / paths[name].name, index=False)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    return MOVIELENS_SPEC, paths


def _matching(table: str, pattern: str) -> list[Path]:
    from tfctr.pipelines.beam.files import matching_files

    return [Path(path) for path in matching_files(table, pattern)]


def _digest(files: Iterable[Path]) -> str:
    digest: Any = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0")
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return str(digest.hexdigest()[:16])
