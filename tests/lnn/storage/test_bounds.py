"""What a hostile file costs: little memory, and no code of its choice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("loads_hostile.py")


@pytest.mark.skipif(sys.platform == "win32", reason="memory is not measured there")
def test_hostile_files_take_little_and_run_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["tried"] > 400
    assert told["refused"] == told["tried"]
    assert told["ran"] == []
    assert told["megabytes"] < 400
