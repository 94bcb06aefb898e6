"""CfC cells in all modes over a sequence, beside those of ncps.

    python benchmarks/cfc_modes.py [--rounds 5] [--json FILE]

Forward and backward of 8 inputs on one thread of a CPU, microseconds a time step, of
states of as many neurons; dense ones have a backbone of one layer of 128 units, unless
said otherwise:

- "compiled": `forward_sequence` with `velora-lnn[fast]`;
- "operators": the same without numba, in PyTorch's operators;
- "ncps": `CfC` of the same kind, where ncps is installed;
- "LSTM": PyTorch's fused LSTM of as many hidden units.

Runs are interleaved, and times are medians. Run it with nothing else running.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from rich.progress import track
from torch import nn

from common.backends import has_numba
from common.contender import Contender, medians
from common.table import json_option, show, write_json
from velora.models import CfCLayersNetwork, CfCNetwork, MixedMemory

IN, OUT = 8, 2
SIZES = [(32, 8, 64), (64, 8, 128)]
UNITS = 128


def dense(neurons: int, mode: str = "default", layers: int = 1) -> CfCNetwork:
    """Makes one of our dense cells."""
    return CfCNetwork(
        IN,
        None,
        n_neurons=neurons,
        mode=mode,
        backbone_units=UNITS,
        backbone_layers=layers,
    )


def layered(neurons: int) -> CfCLayersNetwork:
    """Makes one of our networks in layers."""
    return CfCLayersNetwork(IN, neurons - OUT, OUT)


KINDS: dict[str, tuple[Callable[[int], Any], dict[str, Any]]] = {
    "default": (dense, {}),
    "no_gate": (lambda n: dense(n, "no_gate"), {"mode": "no_gate"}),
    "pure": (lambda n: dense(n, "pure"), {"mode": "pure"}),
    "no backbone": (lambda n: dense(n, layers=0), {"backbone_layers": 0}),
    "two layers": (lambda n: dense(n, layers=2), {"backbone_layers": 2}),
    "mixed memory": (lambda n: MixedMemory(dense(n)), {"mixed_memory": True}),
    "in layers": (layered, {"wired": True}),
    "in layers, mixed memory": (
        lambda n: MixedMemory(layered(n)),
        {"wired": True, "mixed_memory": True},
    ),
}


def of_ncps(neurons: int, wired: bool = False, **options: Any) -> nn.Module | None:
    """Makes theirs, or None where ncps is not installed."""
    try:
        from ncps.torch import CfC
        from ncps.wirings import AutoNCP
    except ImportError:
        return None
    if wired:
        return CfC(IN, AutoNCP(neurons, OUT), batch_first=False, **options)
    backbone = {"backbone_units": UNITS, "backbone_layers": 1}
    return CfC(IN, neurons, batch_first=False, **backbone | options)


def measure(size: tuple[int, int, int], kind: str, rounds: int) -> dict[str, Any]:
    """Times a kind at (neurons, B, T)."""
    neurons, batch, steps = size
    make, options = KINDS[kind]
    ours, lstm = make(neurons), nn.LSTM(IN, neurons)
    runs = {
        "compiled": Contender(ours, lambda x: ours.forward_sequence(x)[0], "numba"),
        "operators": Contender(
            ours, lambda x: ours.forward_sequence(x)[0], "operators"
        ),
        "LSTM": Contender(lstm, lambda x: lstm(x)[0]),
    }
    if not has_numba():
        del runs["compiled"]
    theirs = of_ncps(neurons, **options)
    if theirs is not None:
        runs["ncps"] = Contender(theirs, lambda x: theirs(x)[0])
    times = medians(runs, torch.randn(steps, batch, IN), rounds)
    row: dict[str, Any] = {"kind": kind, "neurons": neurons, "B": batch, "T": steps}
    row |= {f"{name} [µs]": value for name, value in times.items()}
    fastest = times.get("compiled", times["operators"])
    return row | ({"ncps / ours": times["ncps"] / fastest} if "ncps" in times else {})


@click.command()
@click.option("--rounds", default=5, help="Interleaved rounds.")
@click.option("--scale", default=1.0, help="Of the sizes, to try it out.")
@json_option
def main(rounds: int, scale: float, path: Path | None) -> None:
    """Times forward and backward of CfC cells in all modes over sequences."""
    torch.set_num_threads(1)
    cases = [(size, kind) for size in SIZES for kind in KINDS]
    rows = []
    for (neurons, batch, steps), kind in track(cases, "kinds"):
        # Seven neurons are about the fewest that ncps takes.
        scaled = max(int(scale * neurons), 5 + OUT), batch, max(int(scale * steps), 1)
        rows.append(measure(scaled, kind, rounds))
    show(rows, "µs a step, forward and backward")
    write_json(path, {"peers": rows})


if __name__ == "__main__":
    main()
