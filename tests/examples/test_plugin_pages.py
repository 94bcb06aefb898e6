"""The page about plugins does what it says, from the first command to the last line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugins.md"
TEXT = PAGE.read_text("utf-8")
MADE = "acme-velora"  # which the page's commands make and install


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """What commands see: this Python's own first, and no plugin switched off."""
    for needed in ("velora.sb3", "sb3_contrib", "hatchling", "pip"):
        if find_spec(needed) is None:
            pytest.skip(f"this environment is without {needed}, which the page uses")
    try:
        distribution(MADE)
    except PackageNotFoundError:
        pass
    else:
        pytest.skip(f"{MADE} is installed here, and the page would replace it")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("VELORA_")}
    is_isolated = find_spec("editables") is None  # which hatchling needs for `-e`
    try:
        yield kept | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]]),
            "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
            # Pip reads this one the wrong way round: 0 builds with the hatchling that
            # is here, and 1 downloads another.
            "PIP_NO_BUILD_ISOLATION": str(int(is_isolated)),
        }
    finally:
        command = [sys.executable, "-m", "pip", "uninstall", "--yes", MADE]
        subprocess.run(command, check=True, capture_output=True)


def test_commands_and_code_run_from_top_to_bottom(
    environment: dict[str, str], tmp_path: Path
) -> None:
    blocks = re.findall(r"^```(bash|python)\n(.*?)^```", TEXT, re.S | re.M)
    assert {language for language, _ in blocks} == {"bash", "python"}
    script = said = ""
    for language, group in groupby(blocks, key=lambda block: block[0]):
        code = "\n".join(block for _, block in group)
        if language == "bash":
            command = ["bash", "-e", "-c", code]
        else:
            script += code  # a block uses the names of those before it
            command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        said += done.stdout
        assert done.returncode == 0, f"{code}\n{said}\n{done.stderr}"
    for words in (
        "network: acme-velora-gru",  # `velora plugins` shows it
        "1 passed",  # its test runs the kit
        "GRUNetwork(",  # an agent thinks with it
        "acme_velora is right.",
        "- checked: network acme-velora-gru",
    ):
        assert words in said


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT)
    files = [link for link in links if "://" not in link]
    assert files
    for file in files:
        assert (PAGE.parent / file).exists(), file
