"""How long imports take in a fresh process, beside Stable-Baselines3's own.

    python benchmarks/startup.py [--rounds 15] [--json FILE]

A round imports each module once, so that whatever else the machine does reaches them
all. Seconds are from the start of a process to its end, less those of a process that
imports nothing. The median is what is usual; on a busy machine the least is nearer to
what the import itself takes. All bytecode is cached, as pip leaves it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.progress import track

from common.table import json_option, show, write_json

PEER = "stable_baselines3"
MODULES = ["torch", PEER, "velora.plugins", "velora.sb3"]


def seconds(code: str, cache: str) -> float:
    env = os.environ | {"PYTHONPYCACHEPREFIX": cache}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, list[float]]:
    """Returns the seconds of each round, by module."""
    codes = {module: f"import {module}" for module in MODULES}
    times: dict[str, list[float]] = {module: [] for module in MODULES}
    with tempfile.TemporaryDirectory() as cache:
        for code in codes.values():
            seconds(code, cache)  # compiles all that is imported
        for _ in track(range(rounds), "rounds"):
            nothing = seconds("", cache)
            for module, code in codes.items():
                times[module].append(seconds(code, cache) - nothing)
    return times


@click.command()
@click.option("--rounds", default=15, help="Imports of each module.")
@json_option
def main(rounds: int, path: Path | None) -> None:
    """Measures how long the packages take to import."""
    times = measure(rounds)
    rows = [
        {
            "import": module,
            "median [s]": statistics.median(times[module]),
            "least [s]": min(times[module]),
            f"median / {PEER}": statistics.median(
                ours / theirs
                for ours, theirs in zip(times[module], times[PEER], strict=True)
            ),
            f"least / {PEER}": min(times[module]) / min(times[PEER]),
        }
        for module in MODULES
    ]
    show(rows, "Importing in a fresh process")
    write_json(path, rows)


if __name__ == "__main__":
    main()
