"""The Python files of the packages, by the names under which they import."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
FOLDERS = {"tfctr": "tfctr", "tfctr.pipelines": "pipelines", "tfctr.serving": "serving"}


def source_files() -> dict[str, Path]:
    """Module name -> file of every module of the three folders."""
    files = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([package, *parts]).removesuffix(".__init__")
            files[name] = path
    return files


def trees() -> dict[Path, ast.Module]:
    """Path from the root -> syntax tree of every module."""
    return {
        path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8"))
        for path in source_files().values()
    }


def public_packages() -> list[str]:
    """Names of the packages that declare `__all__`, as text so that none is loaded."""
    return [
        name
        for name, path in source_files().items()
        if path.name == "__init__.py" and "__all__" in path.read_text(encoding="utf-8")
    ]


def public_objects(package: str) -> dict[str, object]:
    """Exported name -> object of one package, loading what it loads lazily."""
    module: ModuleType = importlib.import_module(package)
    return {name: getattr(module, name) for name in module.__all__}
