"""Who learns sequences: modules of PyTorch, of ncps and of Velora, by their names.

Each has a state of 64 numbers, and is called with (B, T, F) inputs and (B, T) times.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from velora.models import LTC, CfC, GatedLeakyNCPNetwork, from_ncps
from velora.models.modules import RecurrentModule
from velora.utils import active_parameters, total_parameters
from velora.wiring.ncps import AutoNCP

UNITS = 64
NEURONS = 160  # of which 64 are command neurons, which have the state
SLOW = (1, 100)  # steps


class Timed(nn.Module):
    """A module of ours, whose cell goes on by the times."""

    def __init__(self, module: RecurrentModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Answers with (B, T, O) outputs."""
        return self.module(x, timespans=times)[0]


class Shown(Timed):
    """The same, to which the time is one more input as well."""

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Answers with (B, T, O) outputs."""
        return super().forward(torch.cat((x, times[..., None]), -1), times)


class Featured(nn.Module):
    """Another's module, to which the time is one more input."""

    def __init__(self, module: nn.Module, head: nn.Module | None = None) -> None:
        super().__init__()
        self.module, self.head = module, head or nn.Identity()

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Answers with (B, T, O) outputs."""
        y = self.module(torch.cat((x, times[..., None]), -1))[0]
        return self.head(y)


def of_torch(kind: Callable[..., nn.Module], inputs: int, outputs: int) -> Featured:
    """Makes one of PyTorch's modules with a linear layer on it."""
    module = kind(inputs + 1, UNITS, batch_first=True)
    return Featured(module, nn.Linear(UNITS, outputs))


def slow_lstm(inputs: int, outputs: int) -> Featured:
    """Makes an LSTM that starts with time constants of 1 to 100 steps.

    Forget gates start at log(u), u uniform between them, and input gates at -log(u).
    Source: Tallec and Ollivier 2018, "Can recurrent neural networks warp time?".
    """
    model = of_torch(nn.LSTM, inputs, outputs)
    shortest, longest = SLOW
    with torch.no_grad():
        bias = torch.empty(UNITS).uniform_(shortest, longest).log()
        gates = model.module.bias_ih_l0.unflatten(0, (4, UNITS))  # i, f, g, o
        gates[0], gates[1] = -bias, bias
        model.module.bias_hh_l0.zero_()
    return model


def cfc_of_ncps(inputs: int, outputs: int, **options: Any) -> Featured:
    """Makes the dense CfC of ncps."""
    import ncps.torch

    return Featured(ncps.torch.CfC(inputs + 1, UNITS, outputs, **options))


def ltc_of_ncps(inputs: int, outputs: int) -> Featured:
    """Makes the LTC of ncps, over a wiring."""
    import ncps.torch
    import ncps.wirings

    wiring = ncps.wirings.AutoNCP(UNITS, outputs)
    return Featured(ncps.torch.LTC(inputs + 1, wiring))


def gated_leaky(inputs: int, outputs: int, **options: Any) -> RecurrentModule:
    """Makes the gated leaky network, called as the other modules are."""
    network = GatedLeakyNCPNetwork(inputs, NEURONS, outputs, **options)
    return RecurrentModule(
        network, outputs, return_sequences=True, batch_first=True, mixed_memory=False
    )


MAKE: dict[str, Callable[[int, int], Timed | Featured]] = {
    "LSTM": lambda inputs, outputs: of_torch(nn.LSTM, inputs, outputs),
    "GRU": lambda inputs, outputs: of_torch(nn.GRU, inputs, outputs),
    "LSTM, slow": slow_lstm,
    "ncps CfC": cfc_of_ncps,
    "ncps CfC, mixed memory": lambda inputs, outputs: cfc_of_ncps(
        inputs, outputs, mixed_memory=True
    ),
    "CfC": lambda inputs, outputs: Timed(CfC(inputs, UNITS, outputs)),
    "CfC, mixed memory": lambda inputs, outputs: Timed(
        CfC(inputs, UNITS, outputs, mixed_memory=True)
    ),
    "cfc-layers": lambda inputs, outputs: Timed(
        CfC(inputs, AutoNCP(UNITS, outputs), outputs)
    ),
    "gated-leaky": lambda inputs, outputs: Timed(gated_leaky(inputs, outputs)),
    "gated-leaky, slow": lambda inputs, outputs: Timed(
        gated_leaky(inputs, outputs, time_constants=SLOW)
    ),
    "gated-leaky, time shown": lambda inputs, outputs: Shown(
        gated_leaky(inputs + 1, outputs)
    ),
    "CfC, time shown": lambda inputs, outputs: Shown(CfC(inputs + 1, UNITS, outputs)),
    "LTC": lambda inputs, outputs: Timed(LTC(inputs, AutoNCP(UNITS, outputs))),
    "ncps LTC": ltc_of_ncps,
}

OPTIONAL = ("ncps LTC",)
ROWS = tuple(name for name in MAKE if name not in OPTIONAL)
MISSING = {
    name: f"{name} needs `pip install ncps`."
    for name in MAKE
    if name.startswith("ncps") and not find_spec("ncps")
}


def sizes(row: str, model: Timed | Featured) -> dict[str, int]:
    """Returns how many parameters are stored, and how many have a synapse.

    The masks of ncps' LTC are its own; as ours it has the same.
    """
    of = from_ncps(model.module) if row == "ncps LTC" else model
    return {"parameters": total_parameters(model), "active": active_parameters(of)}
