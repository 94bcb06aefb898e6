"""Checks a built site: links and anchors, that nothing is fetched, and the reference.

Usage: python .ci/check_site.py site
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
FETCHED = {"link": "href", "script": "src", "img": "src", "iframe": "src"}
"""What a browser asks for by itself, by tag."""


class Page(HTMLParser):
    """What one page links to, what it makes a browser fetch, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors = {""}
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what a tag says; the parser calls it."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        fetched = found.get(FETCHED.get(tag, ""))
        if fetched is not None and found.get("rel") != "canonical":
            self.fetched.append(fetched)


def faults(site: Path) -> Iterator[str]:
    """Says what is wrong with each page of a site."""
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # its links start at the root of a host
        name = path.relative_to(site.resolve())
        for target in page.fetched:
            if urlsplit(target).netloc:
                yield f"{name}: it makes a browser fetch {target}"
        for target in page.links + page.fetched:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            where = path
            if parts.path:
                where = (path.parent / unquote(parts.path)).resolve()
            if where.is_dir():
                where = where / "index.html"
            if not where.is_file():
                yield f"{name}: {target} leads nowhere"
            elif where in pages and unquote(parts.fragment) not in pages[where].anchors:
                yield f"{name}: {target} names no place in that page"


def public_names(package: Path) -> Iterator[str]:
    """Yields what a package has in `__all__`, without importing it."""
    for node in ast.walk(ast.parse((package / "__init__.py").read_text("utf-8"))):
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            yield from ast.literal_eval(node.value)


def unexplained(site: Path, root: Path = ROOT) -> Iterator[str]:
    """Says which public names of the packages have no place in the reference."""
    anchors: set[str] = set()
    for path in (site / "api").rglob("*.html"):
        anchors |= Page(path).anchors
    for package in sorted(root.glob("packages/*/src/velora/*")):
        if package.name == "cli" or package.name.endswith("_plugin"):
            continue  # called by name from a shell, and by the plugin host
        for name in public_names(package):
            path = f"velora.{package.name}.{name}"
            if not {path, f"{path}.{name}"} & anchors and not name.startswith("__"):
                yield f"{path} is public, and no page of api/ explains it"


def main(site: Path) -> None:
    """Checks; a site without pages is one that was not built."""
    if not (site / "index.html").is_file():
        raise ValueError(f"there must be a built site in {site}; got no index.html")
    if found := sorted({*faults(site), *unexplained(site)}):
        raise ValueError("\n- ".join(["the site must be whole:", *found]))
    print("All links and anchors of the site lead somewhere.")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except ValueError as error:
        sys.exit(f"Error: {error}")
