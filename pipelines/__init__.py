"""The TFX pipeline: raw events to a checked, pushed SavedModel."""

from typing import TYPE_CHECKING, Any

from tfctr.pipelines.config import PipelineConfig, config_names, load_config
from tfctr.pipelines.errors import PipelineError

if TYPE_CHECKING:
    from tfctr.pipelines.runners import PipelineResult, run_pipeline

__all__ = [
    "PipelineConfig",
    "PipelineError",
    "PipelineResult",
    "config_names",
    "load_config",
    "run_pipeline",
]

# TFX takes ten seconds to import, so reading a configuration does without it.
_LAZY = ("PipelineResult", "run_pipeline")


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        # TFX first: it stands in for a module that TFDV 1.16 misses (environment.md).
        import tfx  # noqa: F401  # only whether it is installed
    except ImportError as error:
        raise ImportError(
            "The pipeline needs TFX. Install it with: pip install 'tfctr[pipelines]'"
        ) from error
    from tfctr.pipelines import runners

    return getattr(runners, name)
