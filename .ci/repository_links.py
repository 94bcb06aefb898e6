"""A Markdown extension: links to files outside of docs/ lead to the repository.

On GitHub a link such as `../packages/velora-core` works as it is; the site has no such
page. Where the repository is not known, only the text of the link stays.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

ROOT = Path(__file__).parents[1]
UP = re.compile(r"^(\.\./)+")


def outside(target: str) -> str | None:
    """Returns the path in the repository of a link that leaves docs/, else None."""
    path = UP.sub("", target)
    file = path.partition("#")[0]
    if path == target or (ROOT / "docs" / file).exists():
        return None
    return path if (ROOT / file).exists() else None


class RepositoryLinks(Treeprocessor):
    """Rewrites such links in a page."""

    def __init__(self, md: Markdown, url: str) -> None:
        super().__init__(md)
        self.url = url.rstrip("/")

    def run(self, root: Element) -> None:
        """Goes through the links of a page."""
        for link in root.iter("a"):
            path = outside(link.get("href", ""))
            if path is not None and self.url:
                kind = "tree" if (ROOT / path).is_dir() else "blob"
                link.set("href", f"{self.url}/{kind}/main/{path}")
            elif path is not None:
                link.tag = "span"
                del link.attrib["href"]


class RepositoryLinksExtension(Extension):
    """Adds it to Markdown."""

    def __init__(self, **options: Any) -> None:
        self.config = {"url": ["", "Where the repository is; empty: nowhere."]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        """Adds the processor, as one of the last."""
        links = RepositoryLinks(md, self.getConfig("url"))
        md.treeprocessors.register(links, "repository_links", 5)


def makeExtension(**options: Any) -> Extension:
    """Returns the extension; Markdown looks for a function of this name."""
    return RepositoryLinksExtension(**options)
