"""Saves small networks and what they compute, for later versions to load and compare.

    python tests/lnn/older/make.py tests/lnn/older/COMMIT

Run it in the environment of the commit whose files are wanted; `test_older_files.py`
loads all that lies beside this script.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from velora.models import LiquidNCPNetwork, NCPNetwork, save_network
from velora.models.lnn import NCPLiquidCell, SparseLinear
from velora.wiring import dense


def networks() -> dict[str, Any]:
    """Makes a network of each kind, by the name of its files."""
    torch.manual_seed(0)
    return {
        "ncp": NCPNetwork(3, 10, 2),
        "ncp-dense": NCPNetwork(3, 10, 2, wiring=dense, init_type="orthogonal"),
        "liquid": LiquidNCPNetwork(3, 10, 2, sparsity_level=0.7),
        "liquid-double": LiquidNCPNetwork(3, 10, 2).double(),
    }


def layers() -> dict[str, Any]:
    """Makes what networks are of."""
    torch.manual_seed(1)
    mask = torch.tensor([[1, 0, -1], [0, 1, 1]])
    return {"sparse": SparseLinear(3, 2, mask.abs()), "cell": NCPLiquidCell(2, 3, mask)}


def outputs_of(module: Any) -> tuple[Tensor, ...]:
    """Computes what a module gives for numbers that are always the same."""
    dtype = next(module.parameters()).dtype
    x = torch.linspace(-1, 1, 12).reshape(4, 3).to(dtype)
    with torch.no_grad():
        if isinstance(module, NCPLiquidCell):
            return tuple(module(x[:, :2], x, 0.5))
        y = module(x)
        return y if isinstance(y, tuple) else (y,)


def main(folder: Path) -> None:
    """Saves every network, its state and the whole module."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, module in (networks() | layers()).items():
        expected[name] = outputs_of(module)
        torch.save(module.state_dict(), folder / f"{name}.state.pt")
        torch.save(module, folder / f"{name}.module.pt")
        if name in networks():
            save_network(module, folder / f"{name}.safetensors")
    torch.save(expected, folder / "outputs.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
