"""What the neurons of a network do, in numbers for a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.lnn import GatedLeakyCell, NCPLiquidCell, NCPNetwork
from velora.models.lnn.gates import gate_and_time_constant
from velora.models.lnn.recurrent import RecurrentNCPNetwork
from velora.models.lnn.saturation import is_saturated
from velora.models.lnn.taps import tapped
from velora.models.lnn.wired import WiredNetwork

_LAYERS = ("inter", "command")
_STILL = 0.01  # of what the neurons of a layer vary by


class Activity:
    """What the neurons of a network did in the last call that was watched.

    Of a window it is the last step, whose motor neurons act.

    Args:
        network: whose neurons they are.
    """

    def __init__(self, network: WiredNetwork) -> None:
        self._network = network
        self._read: dict[str, Tensor] = {}
        self._calls: dict[nn.Module, tuple[Any, Any]] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watches as long as the context lasts; no hook is left, whatever happens."""
        inter, command = (getattr(self._network, layer) for layer in _LAYERS)
        with (
            tapped(self._network, self._see_read),
            inter.register_forward_hook(self._see_call),
            command.register_forward_hook(self._see_call),
        ):
            yield

    def numbers(self) -> dict[str, float]:
        """Returns what there is to say of (N, n) activities of n neurons, by name.

        "inter/dead" and "command/dead" are the share of neurons that vary by less than
        a hundredth of what those of the layer do on average, as they are read: Sokar et
        al. (2023, "The dormant neuron phenomenon in deep reinforcement learning")
        compare so, but how large an activity is. ".../saturated" is the share in
        saturation (`is_saturated`): of inter neurons, and of command neurons without a
        memory, by what their activation is of; of liquid cells by their state, as if
        it were a tanh. "command/gate" and "command/time_constant" of liquid cells are
        the mean and the median.
        """
        found = {
            f"{layer}/dead": _share(_is_still(_last(self._read[layer])))
            for layer in _LAYERS
            if layer in self._read
        }
        for layer, activation in _activations(self._network).items():
            module = getattr(self._network, layer)
            if module in self._calls:
                x = _last(self._calls[module][1])
                found[f"{layer}/saturated"] = _share(is_saturated(activation, x))
        cell = self._network.command
        if isinstance(cell, NCPLiquidCell | GatedLeakyCell) and cell in self._calls:
            args, (_, state) = self._calls[cell]
            beyond = is_saturated("tanh", torch.atanh(state.clamp(-1, 1)))
            found["command/saturated"] = _share(beyond)
            if (of_step := gate_and_time_constant(cell, *args)) is not None:
                found["command/gate"] = float(of_step[0].mean())
                found["command/time_constant"] = float(of_step[1].median())
        return found

    def _see_read(self, name: str, x: Tensor) -> Tensor:
        self._read[name] = x
        return x

    def _see_call(self, module: nn.Module, args: Any, outputs: Any) -> None:
        self._calls[module] = args, outputs


def _activations(network: WiredNetwork) -> dict[str, str]:
    """Returns the activation that follows on a layer, by the layer's name."""
    if isinstance(network, NCPNetwork):
        return dict.fromkeys(_LAYERS, network.activation)
    return {"inter": "mish"} if isinstance(network, RecurrentNCPNetwork) else {}


def _is_still(x: Tensor) -> Tensor:
    """Says of (N, n) activities which neurons hardly vary over the N rows."""
    span = x.amax(dim=0) - x.amin(dim=0)
    return span <= _STILL * span.mean()


def _last(x: Tensor) -> Tensor:
    """Returns (N, n) numbers, the last ones of (T, N, n)."""
    return x[-1] if x.dim() == 3 else x


def _share(is_so: Tensor) -> float:
    return float(is_so.float().mean())
