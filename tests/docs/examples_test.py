"""Python blocks of README and docs run in order and print what the page says."""

import contextlib
import doctest
import io
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import Block, blocks, name_of, pages

ELLIPSIS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SLOW = {"README.md", "docs/quickstart.md"} | {
    f"docs/guides/{name}.md" for name in ("own_data", "export", "serving", "testing")
}
WITH_PYTHON = [
    pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] * (name in SLOW))
    for page in pages()
    for name in [name_of(page)]
    if any(block.language == "python" for block in blocks(page))
]


@pytest.mark.timeout(900)  # the first run downloads MovieLens
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_page_runs_as_it_stands(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(page)


def run_page(page: Path) -> None:
    """Executes a page's blocks in one namespace; `output` blocks are what they print.

    An output block holds for the Python block right before it; `...` stands for
    anything.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    try:
        for block in blocks(page):
            if block.language == "python":
                printed = run(block, namespace)
            elif block.language == "output":
                same = doctest.OutputChecker().check_output
                assert same(block.text, printed, ELLIPSIS), (
                    f"{page}:{block.line} says\n{block.text}but it is\n{printed}"
                )
    finally:
        stop_servers(namespace)


def stop_servers(namespace: dict[str, Any]) -> None:
    """Stops what a page that failed half-way has left running."""
    for value in namespace.values():
        if type(value).__name__ == "EmbeddedServer":
            value.stop(0)


def run(block: Block, namespace: dict[str, Any]) -> str:
    """Executes a block under the line numbers of its page; returns what it prints."""
    source = "\n" * (block.line - 1) + block.text
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        exec(compile(source, str(block.page), "exec"), namespace)
    return stdout.getvalue()


def test_pages_that_promise_to_run_have_code():
    promised = {"README.md", "docs/quickstart.md", "docs/guides/own_data.md"}
    assert promised <= {parameter.id for parameter in WITH_PYTHON}


@pytest.mark.parametrize("text", ["print(1 + 2)", "1 / 0", "import tfctr.nothing"])
def test_a_page_that_is_wrong_is_found(text, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```python\n{text}\n```\n\n```output\n2\n```\n")
    with pytest.raises((AssertionError, ArithmeticError, ImportError)):
        run_page(page)
