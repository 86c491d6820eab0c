"""The peers' environments: built once under `build/peers`, from pinned requirements."""

import hashlib
import subprocess
import sys
from pathlib import Path

__all__ = ["EnvironmentFailure", "interpreter"]

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).parent / "requirements"
FOLDER = ROOT / "build" / "peers"


class EnvironmentFailure(Exception):
    """An environment is not there, or could not be built; the text says why."""


def interpreter(name: str, *, build: bool, folder: Path = FOLDER) -> Path:
    """The Python of an environment.

    Args:
        name: Name of a file in `requirements/`, without its suffix; the Python that
            runs this if empty.
        build: Whether to build it where it is missing or its requirements changed.
        folder: Holds the environments.

    Raises:
        EnvironmentFailure: It is not there.
    """
    if not name:
        return Path(sys.executable)
    requirements = REQUIREMENTS / f"{name}.txt"
    python, stamp = folder / name / "bin" / "python", folder / name / "stamp"
    made_from = hashlib.sha256(
        requirements.read_bytes() + sys.version.encode()
    ).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == made_from:
        return python
    if not build:
        raise EnvironmentFailure("environment not built")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("w", encoding="utf-8") as log:
        for command in (
            [sys.executable, "-m", "venv", "--clear", folder / name],
            [python, "-m", "pip", "install", "--requirement", requirements],
        ):
            ended = subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, check=False
            )
            if ended.returncode:
                raise EnvironmentFailure(f"environment failed, see {log.name}")
    stamp.write_text(made_from, encoding="utf-8")
    return python
