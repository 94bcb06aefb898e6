"""Liquid time-constant neurons over a sequence, beside those of ncps.

    python benchmarks/ltc.py [--rounds 5] [--json FILE]

Forward and backward of 8 inputs and 2 outputs on one thread of a CPU, microseconds a
time step, of networks of as many neurons, the motor ones included:

- "compiled": `LTCNetwork.forward_sequence` with `velora-lnn[fast]`;
- "operators": the same without numba, in PyTorch's operators;
- "ncps": `LTC` with `AutoNCP`, where ncps is installed;
- "CfC": our `LiquidNCPNetwork`, which has no equation to solve;
- "LSTM": PyTorch's fused LSTM of as many hidden units, Linear → Mish before it and
  Linear behind.

Runs are interleaved, and times are medians. "synapses" are ours, and those of ncps.
The growth is with the synapses of as many neurons, from a sparsity of 0.9 to one of
0.1, the least of which is 1. Run it with nothing else running.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch
from rich.progress import track

from common.backends import has_numba
from common.contender import Contender, Twin, medians
from common.table import json_option, show, write_json
from velora.models import LiquidNCPNetwork, LTCNetwork

IN, OUT = 8, 2
SIZES = [(19, 8, 64), (32, 8, 64), (64, 8, 128), (256, 16, 64)]
SPARSITIES = [0.9, 0.7, 0.5, 0.3, 0.1]
SLOW = 100  # neurons from which on a run of ncps takes seconds


def contenders(
    neurons: int, sparsity_level: float = 0.5
) -> tuple[dict[str, Contender], dict[str, int]]:
    """Returns who runs, by name, and how many synapses the LTCs have."""
    options = {"sparsity_level": sparsity_level}
    ours = LTCNetwork(IN, neurons - OUT, OUT, **options)
    cfc = LiquidNCPNetwork(IN, neurons - OUT, OUT, **options)
    found = {
        "compiled": Contender(ours, lambda x: ours.forward_sequence(x)[0], "numba"),
        "operators": Contender(
            ours, lambda x: ours.forward_sequence(x)[0], "operators"
        ),
        "CfC": Contender(cfc, lambda x: cfc.forward_sequence(x)[0]),
        "LSTM": Contender(twin := Twin(IN, neurons, neurons, OUT, stepped=False), twin),
    }
    if not has_numba():
        del found["compiled"]
    synapses = {"synapses": ours.cell.n_synapses}
    try:
        from ncps.torch import LTC
        from ncps.wirings import AutoNCP
    except ImportError:
        return found, synapses
    wiring = AutoNCP(neurons, OUT, sparsity_level)
    theirs = LTC(IN, wiring, batch_first=False)
    in_a_row = 1 if neurons > SLOW else 3
    found["ncps"] = Contender(theirs, lambda x: theirs(x)[0], in_a_row=in_a_row)
    synapses["of ncps"] = int(wiring.synapse_count + wiring.sensory_synapse_count)
    return found, synapses


def measure(
    size: tuple[int, int, int],
    rounds: int,
    sparsity_level: float = 0.5,
    only: tuple[str, ...] = (),
) -> dict[str, Any]:
    neurons, batch, steps = size
    runs, synapses = contenders(neurons, sparsity_level)
    runs = {name: run for name, run in runs.items() if not only or name in only}
    times = medians(runs, torch.randn(steps, batch, IN), rounds)
    row: dict[str, Any] = {"neurons": neurons, "B": batch, "T": steps, **synapses}
    return row | {f"{name} [µs]": value for name, value in times.items()}


def ratios(row: dict[str, Any]) -> dict[str, Any]:
    """Returns how many times longer each other takes than we do."""
    found = {name: row[name] for name in ("neurons", "B", "T")}
    for ours in ("compiled", "operators"):
        for other in ("ncps", "CfC", "LSTM"):
            if f"{ours} [µs]" in row and f"{other} [µs]" in row:
                found[f"{other} / {ours}"] = row[f"{other} [µs]"] / row[f"{ours} [µs]"]
    return found


@click.command()
@click.option("--rounds", default=5, help="Interleaved rounds.")
@click.option("--growth/--no-growth", default=True, help="With the synapses.")
@click.option("--scale", default=1.0, help="Of the sizes, to try it out.")
@json_option
def main(rounds: int, growth: bool, scale: float, path: Path | None) -> None:
    """Times forward and backward of liquid time-constant neurons over sequences."""
    torch.set_num_threads(1)

    def scaled(size: tuple[int, int, int]) -> tuple[int, int, int]:
        neurons, batch, steps = (max(int(scale * n), 1) for n in size)
        return max(neurons, 5 + OUT), batch, steps  # about the fewest that ncps takes

    rows = [measure(scaled(size), rounds) for size in track(SIZES, "peers")]
    results = {"peers": rows, "ratios": [ratios(row) for row in rows]}
    show(rows, "µs a step, forward and backward")
    show(results["ratios"], "how many times longer they take")
    if growth:
        results["growth"] = []
        for sparsity in track(SPARSITIES, "growth"):
            row = measure(scaled(SIZES[2]), rounds, sparsity, ("compiled", "operators"))
            row.pop("of ncps", None)
            for name in ("compiled", "operators"):
                if (time := row.get(f"{name} [µs]")) is not None:
                    row[f"{name}, ns a synapse"] = 1e3 * time / row["synapses"]
            results["growth"].append({"sparsity": sparsity, **row})
        show(results["growth"], "as synapses grow")
    write_json(path, results)


if __name__ == "__main__":
    main()
