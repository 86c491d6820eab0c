"""Links of README and docs lead somewhere; the site builds and shows every page."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import DOCS, ROOT, name_of, pages, prose

LINK = re.compile(r"!?\[[^\]]*\]\(<?(?P<target>[^)\s>]+)>?(?: \"[^\"]*\")?\)")
HEADING = re.compile(r"^#+ +(?P<title>.+?)\s*$", re.MULTILINE)


class Settings(yaml.SafeLoader):
    """Reads mkdocs.yml, also where it names Python objects."""


Settings.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def settings() -> dict[str, Any]:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Settings)
    return loaded


def anchors(page: Path) -> set[str]:
    """Anchors that the site makes of a page's headings."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = (match["title"].replace("`", "") for match in HEADING.finditer(text))
    plain = (re.sub(r"[^\w\s-]", "", title).strip().lower() for title in titles)
    return {re.sub(r"[-\s]+", "-", title) for title in plain}


def broken_links(page: Path) -> list[str]:
    broken = []
    for match in LINK.finditer(prose(page)):
        target = match["target"]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        missing = not file.exists()
        if missing or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    return broken


def pages_of(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav if isinstance(nav, list) else nav.values()
    return [page for part in parts for page in pages_of(part)]


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_relative_links_lead_to_a_file_and_a_heading(page):
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](#here) [b](page.md#there) [c](no.md) `[d](no.md)`\n")
    assert broken_links(page) == ["page.md#there", "no.md"]


def test_navigation_lists_every_page_once():
    listed = pages_of(settings()["nav"])
    there = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted(there)


def test_site_loads_nothing_from_other_hosts(site):
    loaded = re.compile(
        r"<(?:link|script|img|iframe)\b[^>]*(?:href|src)=\"(https?:[^\"]+)"
    )
    found = {
        (page.relative_to(site).as_posix(), address)
        for page in site.rglob("*.html")
        for tag in loaded.finditer(page.read_text(encoding="utf-8"))
        for address in [tag[1]]
        if 'rel="canonical"' not in tag[0]
    }
    assert found == set()


def test_site_has_a_page_for_each_source(site):
    for page in DOCS.rglob("*.md"):
        path = page.relative_to(DOCS).with_suffix("")
        html = (
            path.parent / "index.html" if path.name == "index" else path / "index.html"
        )
        assert (site / html).is_file(), html


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` does it; a warning fails the build."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder
