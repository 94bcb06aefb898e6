"""What the synapses of each layer read, to look at or to change, while a network runs.

Everything here rests on this one place: a recorder looks, a lesion puts a constant in
the place of a neuron, influence multiplies with a factor. Weights are never touched, so
that a network is what it was once a tap is closed, whatever has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from velora.models.lnn.recurrent_cell import RecurrentCell
from velora.models.lnn.wired import WiredNetwork

LAYERS = ("sensory", "inter", "command")
"""The neurons that have outgoing synapses, by layer."""

STATE = "state"
"""What command neurons with a memory read of each other: the state before a step."""

Tap = Callable[[str, Tensor], Tensor]


@contextmanager
def tapped(network: WiredNetwork, tap: Tap) -> Iterator[None]:
    """Lets all that synapses read go through a function, as long as the context lasts.

    Args:
        network: whose layers are watched. Its fast paths step aside meanwhile: the
            numbers are those of its layers and single steps, equal to rounding.
        tap: takes a name and (..., n) activities of that layer's n neurons, after the
            normalisation where there is one, and returns what is read instead. The
            name is one of `LAYERS`, or `STATE` for the (B, H) state that a cell reads.
            Over a window "sensory" and "command" come as (T, B, n), the others T times.
    """
    cell = isinstance(network.command, RecurrentCell)
    of_command = ("inter", STATE) if cell else ("inter",)
    with (
        network.inter.register_forward_pre_hook(_reading(tap, "sensory")),
        network.command.register_forward_pre_hook(_reading(tap, *of_command)),
        network.motor.register_forward_pre_hook(_reading(tap, "command")),
    ):
        yield


def _reading(tap: Tap, *names: str) -> Callable[[nn.Module, Any], Any]:
    def hook(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        read = [tap(name, x) for name, x in zip(names, args, strict=False)]
        return (*read, *args[len(names) :])

    return hook
