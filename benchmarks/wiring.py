"""How long a large wiring takes to build, and how much memory.

    python benchmarks/wiring.py [--json FILE]

Each row is built in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from pathlib import Path

import click
from rich.progress import track

from common.table import json_option, show, write_json

SIZES = [(8, 64, 2), (100, 2000, 10), (1000, 20000, 100)]


def build(size: tuple[int, int, int]) -> dict[str, float | str]:
    from velora.wiring import Wiring

    # Linux counts KiB, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    start = time.perf_counter()
    wiring = Wiring(*size, seed=0)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    masks = [mask for _, mask in wiring.masks.items()]
    return {
        "wiring": f"Wiring{size}",
        "synapses": sum(int(mask.abs().sum()) for mask in masks),
        "seconds": seconds,
        "masks [MB]": sum(mask.numel() * mask.element_size() for mask in masks) / 1e6,
        "peak above import [MB]": (peak - before) / 1e6,
    }


@click.command()
@json_option
@click.option("--largest", default=20000, help="Leave out more decision neurons.")
def main(path: Path | None, largest: int) -> None:
    """Measures the time and memory that wirings take to build."""
    context = multiprocessing.get_context("spawn")
    sizes = [size for size in SIZES if size[1] <= largest]
    rows = []
    for size in track(sizes, "wirings"):
        with context.Pool(1) as pool:
            rows.append(pool.apply(build, (size,)))
    show(rows, "Building a wiring")
    write_json(path, rows)


if __name__ == "__main__":
    main()
