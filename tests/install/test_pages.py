"""Links of every page lead somewhere, and to what they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest
from environments import ROOT

PAGES = sorted(
    page
    for pattern in ("*.md", "[!.]*/**/*.md")
    for page in ROOT.glob(pattern)
    if not any(
        part.startswith(".") or part == "node_modules"  # by npm in examples/web
        for part in page.relative_to(ROOT).parts
    )
)
FENCED = re.compile(r"^(```+).*?^\1", re.S | re.M)
LINK = re.compile(r"\[([^][]*)\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)


def prose(page: Path) -> str:
    """Returns a page without its blocks of code."""
    return FENCED.sub("", page.read_text("utf-8"))


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yields the text and the target of each link to a file or a heading."""
    for text, target in LINK.findall(prose(page)):
        if not re.match(r"\w+:", target):  # elsewhere: https, mailto
            yield text, target


def fault(page: Path, text: str, target: str) -> str | None:
    """Says what is wrong with a link; None if nothing is."""
    where, _, anchor = target.partition("#")
    if where.startswith("/"):
        return "it leads out of the repository"
    path = (page.parent / where).resolve() if where else page
    if not path.exists():
        return "there is no such file"
    if anchor and anchor not in map(anchor_of, HEADING.findall(prose(path))):
        return "there is no such heading"
    code = re.fullmatch(r"`([^`]+)`", text)
    if code and not names(code[1], path):
        return f"nothing there is called {code[1]}"
    return None


def anchor_of(heading: str) -> str:
    """Returns what GitHub calls a heading in a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def names(code: str, path: Path) -> bool:
    """Whether this is how a path ends, a module, or what is defined in a file."""
    for parts in (PurePath(code).parts, tuple(code.split("."))):
        without = path.parent if path.name == "__init__.py" else path.with_suffix("")
        if parts in (path.parts[-len(parts) :], without.parts[-len(parts) :]):
            return True
    return path.suffix == ".py" and code in defined(ast.parse(path.read_text("utf-8")))


def defined(tree: ast.Module | ast.ClassDef) -> set[str]:
    """Returns what a module or class defines, as "function" or "Class.method"."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for name in defined(node)}
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        targets = [*node.targets] if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) else []
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_what_they_name(page: Path) -> None:
    faults = {link: found for link in links(page) if (found := fault(page, *link))}
    assert not faults


def test_pages_are_found_and_so_are_links() -> None:
    assert {"README.md", "CONTRIBUTING.md"} <= {page.name for page in PAGES}
    walked = {text for text, _ in links(ROOT / "docs" / "architecture.md")}
    assert {"`SparseLinear.forward`", "`scan_forward`"} <= walked


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("[a](module.py)", None),
        ("[a](folder)", None),
        ("[a](page.md#a-heading-of-its-own)", None),
        ("[a](#a-heading-of-its-own)", None),
        ("[`module.py`](module.py)", None),
        ("[`module`](module.py)", None),
        ("[`folder/`](folder)", None),
        ("[`Kind`](module.py)", None),
        ("[`Kind.method`](module.py)", None),
        ("[`Kind.field`](module.py)", None),
        ("[`function`](module.py)", None),
        ("[`VALUE`](module.py)", None),
        ("[a](modul.py)", "there is no such file"),
        ("[a](/)", "it leads out of the repository"),
        ("[a](page.md#another)", "there is no such heading"),
        ("[`method`](module.py)", "nothing there is called method"),
        ("[`Kind.missing`](module.py)", "nothing there is called Kind.missing"),
        ("[`inner`](module.py)", "nothing there is called inner"),
        ("[`called`](module.py)", "nothing there is called called"),
        ("[`other.py`](module.py)", "nothing there is called other.py"),
    ],
)
def test_fault_of_a_link_is_found(link: str, said: str | None, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "module.py").write_text(
        "VALUE: int = called()\n"
        "class Kind:\n    field = 1\n    def method(self): ...\n"
        "def function():\n    inner = 1\n"
    )
    page = tmp_path / "page.md"
    page.write_text(
        f"## A heading, of `its` own\n\n{link}\n"
        "```python\nnot[a](link)\n```\n[elsewhere](https://example.com)\n"
    )
    ((text, target),) = links(page)
    assert fault(page, text, target) == said
