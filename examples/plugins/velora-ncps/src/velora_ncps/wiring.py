"""ncps' AutoNCP as a wiring of Velora."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from ncps.wirings import AutoNCP
from torch import Tensor

LAYERS = {"inter": 0, "command": 1, "motor": 2}  # as ncps numbers them


@dataclass(frozen=True)
class Counts:
    """Neurons of each kind."""

    sensory: int
    inter: int
    command: int
    motor: int


@dataclass(frozen=True, eq=False)
class Masks:
    """Synapses of -1 (inhibits), 0 (none) and 1 (excites), each int32 (from, to).

    Attributes:
        inter: (sensory, inter) synapses.
        command: (inter, command) synapses.
        motor: (command, motor) synapses.
        recurrent: (command, command) synapses.
    """

    inter: Tensor
    command: Tensor
    motor: Tensor
    recurrent: Tensor


@dataclass(frozen=True, eq=False)
class AutoNCPWiring:
    """Who is connected to whom."""

    masks: Masks
    counts: Counts


def build_auto_ncp(
    in_features: int,
    n_neurons: int,
    out_features: int,
    *,
    sparsity_level: float = 0.5,
    seed: int | None = None,
) -> AutoNCPWiring:
    """Builds the wiring "auto-ncp"; arguments and errors are those of `draw`."""
    drawn = draw(
        in_features, n_neurons, out_features, sparsity_level=sparsity_level, seed=seed
    )
    inter, command, motor = (drawn.get_neurons_of_layer(n) for n in LAYERS.values())

    def synapses(matrix: np.ndarray, starts: list[int], ends: list[int]) -> Tensor:
        return torch.as_tensor(matrix[np.ix_(starts, ends)], dtype=torch.int32)

    sensory = list(range(in_features))
    masks = Masks(
        inter=synapses(drawn.sensory_adjacency_matrix, sensory, inter),
        command=synapses(drawn.adjacency_matrix, inter, command),
        motor=synapses(drawn.adjacency_matrix, command, motor),
        recurrent=synapses(drawn.adjacency_matrix, command, command),
    )
    counts = Counts(len(sensory), len(inter), len(command), len(motor))
    return AutoNCPWiring(masks, counts)


def draw(
    in_features: int,
    n_neurons: int,
    out_features: int,
    *,
    sparsity_level: float = 0.5,
    seed: int | None = None,
) -> AutoNCP:
    """Draws the synapses of an AutoNCP.

    Args:
        in_features: sensory neurons.
        n_neurons: inter and command neurons together. ncps counts the motor neurons
            among its units as well.
        out_features: motor neurons.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        seed: None draws one from PyTorch's global generator. ncps' own default is one
            number, which makes all wirings of a size equal.

    Raises:
        TypeError: a size is no integer.
        ValueError: a size is too small, or the sparsity or seed outside its range.
    """
    sizes = {"in_features": (in_features, 1), "out_features": (out_features, 1)}
    sizes["n_neurons"] = n_neurons, 3  # ncps asks for that many
    for name, (size, least) in sizes.items():
        if not isinstance(size, Integral) or isinstance(size, bool):
            raise TypeError(f"`{name}` must be an integer; got {size!r}.")
        if size < least:
            raise ValueError(f"`{name}` must be at least {least}; got {size}.")
    if not 0.1 <= sparsity_level <= 0.9:
        raise ValueError(
            f"`sparsity_level` must be between '[0.1, 0.9]'; got {sparsity_level}."
        )
    if seed is None:
        seed = int(torch.randint(2**32, (), device="cpu"))
    elif not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be in [0, 2**32), as NumPy's; got {seed}.")
    units = int(n_neurons) + int(out_features)
    wiring = AutoNCP(units, int(out_features), sparsity_level, seed=seed)
    wiring.build(int(in_features))
    return wiring
