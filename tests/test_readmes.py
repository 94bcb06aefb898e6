"""Every Python block of every page is run, where the packages it needs are."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    # Its code follows on commands that install a package, and both are run, in the
    # order of the page, by tests/examples/test_plugin_pages.py.
    ROOT / "docs" / "plugins.md",
    # By examples/plugins/velora-ncps/tests/test_plugin.py, where ncps is installed.
    ROOT / "docs" / "ncps.md",
}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("packages/*/README.md")),
    *sorted(set(ROOT.glob("docs/**/*.md")) - ELSEWHERE),
]
NEEDS = {
    "velora-core": ["velora.plugins"],
    "velora-wiring": ["velora.wiring", "matplotlib"],
    "velora-lnn": ["velora.models", "matplotlib"],
    "velora-report": ["velora.report"],
    "velora-onnx": ["velora.onnx", "velora.sb3"],
    "velora-rllib": ["velora.rllib"],
    "deploy.md": ["velora.onnx", "velora.sb3"],
    "scale.md": ["velora.rllib"],
    "gallery.md": ["velora.report"],
    "see.md": ["velora.report"],
    "start.md": ["velora.report", "matplotlib"],
}
ANY = ["velora.sb3", "matplotlib"]  # of any other page
# A block of code, and what the page says it prints, if that follows at once.
BLOCK = re.compile(r"^```python\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", re.S | re.M)


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text("utf-8"))


def is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page)],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_code_of_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    needed = NEEDS.get(page.name) or NEEDS.get(page.parent.name, ANY)
    for module in needed:
        if not is_installed(module):
            pytest.skip(f"this environment is without {module}, which the page uses")
    script = tmp_path / "page.py"
    script.write_text("\n".join(code for code, _ in blocks(page)), "utf-8")
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for _, printed in blocks(page):
        assert printed in done.stdout


def test_what_a_page_prints_is_found() -> None:
    assert "NeuronCounts(" in dict(blocks(ROOT / "README.md")[:1]).popitem()[1]
