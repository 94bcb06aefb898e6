"""Every Python block of every page is run, where the packages it needs are."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Its code follows on commands that install a package, and both are run, in the order of
# the page, by tests/examples/test_plugin_pages.py.
ELSEWHERE = ROOT / "docs" / "plugins.md"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("packages/*/README.md")),
    *sorted(set(ROOT.glob("docs/**/*.md")) - {ELSEWHERE}),
]
NEEDS = {"velora-wiring": "velora.wiring", "velora-lnn": "velora.models"}
NEEDS |= {"velora-core": "velora.plugins", "velora-report": "velora.report"}
NEEDS |= dict.fromkeys(("gallery.md", "see.md"), "velora.report")
# Any other page may use all packages below velora-report.
DRAWLESS = ("velora.plugins", "velora.report")  # whose pages draw nothing


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)


def is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: page.parent.name
)
def test_code_of_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    needed = NEEDS.get(page.name) or NEEDS.get(page.parent.name, "velora.sb3")
    if not is_installed(needed):
        pytest.skip(f"this environment is without {needed}, which the page uses")
    if needed not in DRAWLESS and not is_installed("matplotlib"):
        pytest.skip("this environment is without matplotlib, with which pages draw")
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(page)), "utf-8")
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
