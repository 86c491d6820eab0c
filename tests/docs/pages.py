"""The Markdown pages of the project, and the code blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and the line of its first text line."""

    page: Path
    line: int
    language: str
    text: str


def pages() -> list[Path]:
    """README and every page of the docs."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Fenced blocks of a page, in order, without their indent."""
    language, indent, start, lines = None, "", 0, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if fence is None:
            lines.append(line.removeprefix(indent))
        elif language is None:
            language, indent = fence["language"], fence["indent"]
            start, lines = number + 1, []
        else:
            yield Block(page, start, language, "\n".join([*lines, ""]))
            language, indent = None, ""
    if language is not None:
        raise ValueError(f"{page}:{start}: the block does not end")


def blocks_in(language: str) -> list[Block]:
    """Blocks of one language on all pages."""
    return [b for page in pages() for b in blocks(page) if b.language == language]


def prose(page: Path) -> str:
    """A page without its fenced blocks and inline code."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```\s*$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)
