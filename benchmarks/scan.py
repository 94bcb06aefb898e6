"""A liquid network over a sequence, beside its slow self, ncps and a dense LSTM.

    python benchmarks/scan.py [--rounds 15] [--device cuda] [--json FILE]

Forward and backward of 8 inputs and 2 outputs, microseconds a time step:

- "compiled": `LiquidNCPNetwork.forward_sequence` with `velora-lnn[fast]`, on a CPU;
- "kernels": the same with Triton, on a GPU;
- "operators": the same without numba, in PyTorch's operators;
- "step by step": the same network with each step as its equations read, five masked
  layers one after another;
- "ncps": `CfC` with `AutoNCP` of as many neurons, where ncps is installed;
- "LSTM": the dense twin, Linear → Mish → LSTM → Linear of our inter and hidden sizes,
  its LSTM fused; "LSTM stepped" calls it for each step, as RecurrentPPO does with its
  LSTM whenever an episode starts in the middle.

Runs are interleaved, three in a row after one that warms up, and times are medians.
"kept" is what autograd keeps for the
backward, bytes a step. Run it with nothing else running.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch
from rich.progress import track
from torch import Tensor

from common.backends import backend, has_numba
from common.contender import Contender, Twin, medians
from common.reference import head_by_head
from common.table import json_option, show, write_json
from velora.models import LiquidNCPNetwork
from velora.utils import set_device

IN, OUT = 8, 2
SIZES = [(80, 8, 64), (160, 8, 128), (160, 32, 32), (640, 16, 64)]
GROWTH = {
    "T": [(160, 8, steps) for steps in (16, 64, 256, 1024)],
    "B": [(160, batch, 64) for batch in (1, 4, 16, 64, 256)],
    "H": [(neurons, 8, 64) for neurons in (40, 80, 160, 320, 640, 1280)],
}


def contenders(neurons: int, device: torch.device) -> dict[str, Contender]:
    """Returns who runs, by name, on a device."""
    found = _contenders(neurons, device.type)
    for contender in found.values():
        contender.network.to(device)
    return found


def _contenders(neurons: int, device: str) -> dict[str, Contender]:
    network = LiquidNCPNetwork(IN, neurons, OUT)
    step = head_by_head(network)

    def fast(x: Tensor) -> Tensor:
        return network.forward_sequence(x)[0]

    def step_by_step(x: Tensor) -> Tensor:
        hidden, outputs = network.initial_state(x.shape[1]), []
        for row in x:
            y, hidden = step(row, hidden)
            outputs.append(y)
        return torch.stack(outputs)

    found: dict[str, Contender] = {}
    if device == "cpu" and has_numba():
        found["compiled"] = Contender(network, fast, "numba")
    if device == "cuda":
        found["kernels"] = Contender(network, fast, "triton")
    found["operators"] = Contender(network, fast, "operators")
    found["step by step"] = Contender(network, step_by_step)
    try:
        from ncps.torch import CfC
        from ncps.wirings import AutoNCP
    except ImportError:
        pass
    else:
        ncps = CfC(IN, AutoNCP(neurons + OUT, OUT), batch_first=False)
        found["ncps"] = Contender(ncps, lambda x: ncps(x)[0])
    for name, stepped in (("LSTM", False), ("LSTM stepped", True)):
        sizes = IN, network.counts.inter, network.hidden_size, OUT
        twin = Twin(*sizes, stepped=stepped)
        found[name] = Contender(twin, twin)
    return found


def kept(contender: Contender, x: Tensor) -> int:
    """Returns the bytes that autograd keeps, without those of the parameters."""
    network, storages = contender.network, {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with backend(contender.backend), hooks:
        y = contender.forward(x)
    for parameter in (*network.parameters(), *network.buffers()):
        storages.pop(parameter.untyped_storage().data_ptr(), None)
    del y
    return sum(storages.values())


def measure(
    size: tuple[int, int, int],
    rounds: int,
    device: torch.device,
    only: tuple[str, ...] = (),
) -> dict[str, Any]:
    neurons, batch, steps = size
    runs = contenders(neurons, device)
    runs = {name: run for name, run in runs.items() if not only or name in only}
    x = torch.randn(steps, batch, IN, device=device)
    row: dict[str, Any] = {"neurons": neurons, "B": batch, "T": steps}
    for name, microseconds in medians(runs, x, rounds).items():
        row[f"{name} [µs]"] = microseconds
    for name in ("operators", "LSTM"):
        row[f"{name} kept"] = kept(runs[name], x) / steps
    return row


def ratios(row: dict[str, Any]) -> dict[str, Any]:
    """Returns how many times longer each other takes than we do."""
    found = {name: row[name] for name in ("neurons", "B", "T")}
    for ours in ("compiled", "kernels", "operators"):
        for other in ("step by step", "ncps", "LSTM", "LSTM stepped"):
            if f"{ours} [µs]" in row and f"{other} [µs]" in row:
                ratio = row[f"{other} [µs]"] / row[f"{ours} [µs]"]
                found[f"{other} / {ours}"] = ratio
    return found


@click.command()
@click.option("--rounds", default=15, help="Interleaved rounds.")
@click.option("--threads", default=1, help="Of PyTorch; the compiled loop takes one.")
@click.option("--growth/--no-growth", default=True, help="With T, B and H.")
@click.option("--scale", default=1.0, help="Of the sizes, to try it out.")
@click.option("--device", "name", default="cpu", help="Where networks run.")
@json_option
def main(
    rounds: int, threads: int, growth: bool, scale: float, name: str, path: Path | None
) -> None:
    """Times forward and backward of a liquid network over sequences."""
    torch.set_num_threads(threads)
    device = set_device(name)

    def scaled(size: tuple[int, int, int]) -> tuple[int, int, int]:
        neurons, batch, steps = (max(int(scale * n), 1) for n in size)
        return max(neurons, 3), batch, steps  # the fewest that ncps takes

    rows = [measure(scaled(size), rounds, device) for size in track(SIZES, "peers")]
    results = {"peers": rows, "ratios": [ratios(row) for row in rows]}
    show(rows, "µs a step, forward and backward; bytes kept")
    show(results["ratios"], "how many times longer they take")
    for what, sizes in GROWTH.items() if growth else ():
        results[what] = [
            measure(scaled(size), rounds, device, ("compiled", "operators", "LSTM"))
            for size in track(sizes, what)
        ]
        show(results[what], f"as {what} grows")
    write_json(path, results)


if __name__ == "__main__":
    main()
