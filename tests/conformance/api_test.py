"""The public names and signatures equal `tests/golden/api.txt`.

After a wanted change: `.venv/bin/python tests/conformance/api_test.py --write`.
"""

import difflib
import importlib
import inspect
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from tests.conformance.signatures import is_ours, public_members, signature_text
from tests.conformance.sources import ROOT, public_objects, public_packages

GOLDEN = ROOT / "tests" / "golden" / "api.txt"
WRITE = ".venv/bin/python tests/conformance/api_test.py --write"


def api_lines() -> list[str]:
    """One line per public object, and one per public member of a public class."""
    lines = []
    for package in public_packages():
        for name, thing in sorted(public_objects(package).items()):
            full = f"{package}.{name}"
            if not is_ours(thing) or not callable(thing):
                lines.append(full)
                continue
            lines.append(full + signature_text(thing))
            if inspect.isclass(thing):
                members = public_members(thing)
                lines += [f"{full}.{member}{text}" for member, text in members]
    return lines


def test_public_api_is_the_written_one():
    written = GOLDEN.read_text(encoding="utf-8").splitlines()
    diff = [
        line
        for line in difflib.unified_diff(written, api_lines(), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    if diff:
        pytest.fail(
            "the public API changed (- written, + now):\n"
            + "\n".join(diff)
            + f"\nIf wanted: {WRITE}, and a line in CHANGELOG.md",
            pytrace=False,
        )


@pytest.mark.parametrize("package", public_packages())
def test_every_exported_name_exists_once(package):
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(f"usage: {WRITE}")
    GOLDEN.write_text("".join(f"{line}\n" for line in api_lines()), encoding="utf-8")
    print(f"wrote {GOLDEN.relative_to(ROOT)}")
