"""The site has every page, and what checks it finds what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import check_site
import pytest
from markdown import Markdown
from repository_links import ROOT, RepositoryLinksExtension

NAV = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
NAV = NAV.partition("\n\n")[0]
PAGES = sorted(path.relative_to(ROOT / "docs") for path in ROOT.glob("docs/**/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_page_is_in_the_navigation_and_built(page: Path) -> None:
    named = [line.split()[-1] for line in NAV.splitlines()]
    assert named.count(page.as_posix()) == 1
    is_index = page.name in ("index.md", "README.md")
    folder = page.parent if is_index else page.parent / page.stem
    assert (ROOT / "site" / folder / "index.html").is_file()


def write(site: Path, body: str) -> Path:
    (site / "other").mkdir(parents=True)
    (site / "index.html").write_text(f'<h1 id="here">a</h1>{body}', "utf-8")
    (site / "other" / "index.html").write_text('<h1 id="there">a</h1>', "utf-8")
    return site


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<a href="other/#there">', None),
        ('<a href="./other">', None),
        ('<a href="#here">', None),
        ('<a href="https://example.com/">', None),
        ('<a href="mailto:a@example.com">', None),
        ('<link rel="canonical" href="https://example.com/">', None),
        ('<a href="other/#here">', "names no place"),
        ('<a href="#there">', "names no place"),
        ('<a href="missing/">', "leads nowhere"),
        ('<a href="../packages">', "leads nowhere"),
        ('<img src="missing.png">', "leads nowhere"),
        ('<script src="https://example.com/a.js">', "makes a browser fetch"),
        ('<link rel="stylesheet" href="//example.com/a">', "makes a browser fetch"),
    ],
)
def test_fault_of_a_site_is_found(body: str, said: str | None, tmp_path: Path) -> None:
    found = list(check_site.faults(write(tmp_path / "site", body)))
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_public_name_without_a_place_is_found(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "acme" / "src" / "velora" / "acme"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        '__all__ = ["__version__", "one", "two", "three"]\n__all__ += ["four"]\n'
    )
    page = tmp_path / "site" / "api" / "acme.html"
    page.parent.mkdir(parents=True)
    page.write_text('<h2 id="velora.acme.one"></h2><h2 id="velora.acme.two.two"></h2>')
    found = list(check_site.unexplained(tmp_path / "site", tmp_path))
    assert [text.split()[0] for text in found] == [
        "velora.acme.three",
        "velora.acme.four",
    ]


def test_folder_that_holds_no_site_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / ".ci" / "check_site.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "there must be a built site" in done.stderr


def render(text: str, url: str) -> str:
    return Markdown(extensions=[RepositoryLinksExtension(url=url)]).convert(text)


@pytest.mark.parametrize(
    ("target", "href"),
    [
        ("../packages/velora-core", "https://host/us/tree/main/packages/velora-core"),
        ("../../pyproject.toml", "https://host/us/blob/main/pyproject.toml"),
        (
            "../CONTRIBUTING.md#test",
            "https://host/us/blob/main/CONTRIBUTING.md#test",
        ),
        ("../memory.md#recurrentppo", "../memory.md#recurrentppo"),
        ("memory.md", "memory.md"),
        ("../missing.md", "../missing.md"),
        ("https://example.com/../a", "https://example.com/../a"),
    ],
)
def test_link_out_of_docs_leads_to_the_repository(target: str, href: str) -> None:
    assert f'<a href="{href}">text</a>' in render(
        f"[text]({target})", "https://host/us/"
    )


def test_link_out_of_docs_is_text_where_no_repository_is_known() -> None:
    assert render("[text](../pyproject.toml)", "") == "<p><span>text</span></p>"
