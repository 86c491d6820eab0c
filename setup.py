"""Build script of the `tfctr` distribution.

`pipelines/` and `serving/` are top-level folders of the repository and install as
`tfctr.pipelines` and `tfctr.serving`, so that no generic name reaches site-packages.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
FOLDERS = {"tfctr.pipelines": "pipelines", "tfctr.serving": "serving"}

CORE = [
    "tensorflow>=2.21,<2.22",
    "keras>=3.15,<4",
    "keras-rs>=0.4,<0.5",
    "tensorflow-recommenders>=0.7.7,<0.8",
    "tf-keras>=2.21,<2.22",  # tensorflow-recommenders needs it and does not say so
    "numpy>=2,<3",
    "pandas>=2,<3",
    "pyarrow>=14,<19",  # tfx-bsl 1.21 stops below 19; one range for every extra
    "pydantic>=2,<3",
    "typer>=0.12",
    "rich>=13",
]
# tfx 1.21 pins ml-metadata and tensorflow-data-validation 1.21, whose wheels need
# glibc >= 2.39 (Ubuntu 24.04, Debian 13). There `pip install 'tfctr[pipelines]'` is
# enough. On an older glibc install from requirements-py311.lock with
# `pip install --no-deps -r`: docs/decisions/0001-dependency-lock.md.
PIPELINES = ["tfx>=1.21,<1.22", "apache-beam>=2.70,<3"]
SERVING = ["tensorflow-serving-api>=2.19,<2.22", "grpcio>=1.60"]
BENCH = ["psutil>=5.9", "scikit-learn>=1.5"]
DEV = [
    "build",
    "hypothesis",
    "matplotlib",
    "mkdocs",
    "mkdocs-material",
    "mypy",
    "psutil",
    "pytest",
    "pytest-randomly",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "scikit-learn",
    "setuptools",
    "wheel",
]


def version() -> str:
    """Reads the version from `tfctr/version.py` without importing the package."""
    text = (ROOT / "tfctr" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit('tfctr/version.py has no line `__version__ = "..."`.')
    return found.group(1)


def packages() -> list[str]:
    """Lists every package under its installed name, sub-packages included."""
    names = find_packages(include=["tfctr", "tfctr.*"])
    for name, folder in FOLDERS.items():
        names += [name, *(f"{name}.{sub}" for sub in find_packages(folder))]
    return names


def long_description() -> str:
    """Returns the README, or an empty text where there is none yet."""
    readme = ROOT / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


setup(
    name="tfctr",
    version=version(),
    description="Keras 3 models, a TFX pipeline and gRPC serving for click prediction.",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    packages=packages(),
    package_dir=FOLDERS,
    package_data={
        "tfctr": ["py.typed", "native/source/*"],
        "tfctr.pipelines": ["py.typed", "**/*.toml"],
        "tfctr.serving": ["py.typed", "deployment/**/*"],
    },
    install_requires=CORE,
    extras_require={
        "pipelines": PIPELINES,
        "serving": SERVING,
        "bench": BENCH,
        "dev": DEV,
    },
    entry_points={"console_scripts": ["tfctr = tfctr.cli:main"]},
)
