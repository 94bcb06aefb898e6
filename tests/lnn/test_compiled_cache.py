"""What numba keeps on disk: nowhere to write, and damaged files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from paths import has_numba

pytestmark = pytest.mark.skipif(not has_numba(), reason="numba is not installed")

PROGRAM = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
{before}
import torch
from velora.models.lnn.activation import mish
from velora.models.lnn.compiled import loops
module = loops("velora.models.lnn.compiled.mish")
assert module is not None
x = torch.randn(5000)
torch.testing.assert_close(mish(x), torch.nn.functional.mish(x))
print("computed")
"""
# As in a folder that cannot be written, for a user without a home.
NOWHERE = """
from numba.core.caching import CacheImpl
CacheImpl._locator_classes = []
"""


def run(cache: Path, before: str = "") -> str:
    """Compiles Mish in a process of its own, with its cache in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("computed\n")
    return done.stdout


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numba")
    assert "for this process alone" not in run(folder)
    assert list(folder.rglob("*.nbi"))
    assert list(folder.rglob("*.nbc"))
    return folder


def test_later_runs_find_what_was_compiled(compiled):
    assert run(compiled) == "computed\n"


@pytest.mark.parametrize(
    ("kind", "damage"), [("*.nbi", b"\xff" * 100), ("*.nbc", b""), ("*.nbc", None)]
)
def test_damaged_files_are_named_and_cost_time_alone(compiled, tmp_path, kind, damage):
    shutil.copytree(compiled, tmp_path, dirs_exist_ok=True)
    for file in tmp_path.rglob(kind):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    said = run(tmp_path)
    assert "for this process alone" in said
    assert "delete numba's files" in said
    assert "later runs" not in said


def test_nowhere_to_write_is_said(tmp_path):
    said = run(tmp_path, NOWHERE)
    assert "for this process alone" in said
    assert "NUMBA_CACHE_DIR" in said
    assert "later runs" not in said
