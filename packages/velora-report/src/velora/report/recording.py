"""What the neurons of an acting network do, in its last call."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from velora.models.lnn.gates import gate_and_time_constant
from velora.models.lnn.recurrent_cell import RecurrentCell
from velora.models.lnn.taps import LAYERS, tapped
from velora.models.lnn.wired import WiredNetwork
from velora.report.acting import Acting

if TYPE_CHECKING:
    from typing_extensions import Self


class Recorder:
    """Notes what an acting network computes, as long as the context lasts.

    Over a window of observations it is the last step that is noted, whose motor neurons
    act.
    """

    def __init__(self, acting: Acting) -> None:
        self._acting = acting
        self._open = ExitStack()
        self._read: dict[str, Tensor] = {}
        self._motor: Tensor
        self._state: Tensor | None = None
        self._of_cell: tuple[Any, ...] | None = None

    def __enter__(self) -> Self:
        network = self._acting.network
        watch = self._open.enter_context
        watch(self._acting.body.register_forward_hook(self._see_motor))
        if isinstance(network, WiredNetwork):
            watch(tapped(network, self._see))
            if isinstance(network.command, RecurrentCell):
                watch(network.command.register_forward_hook(self._see_cell))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def take(self) -> dict[str, np.ndarray]:
        """Returns what was noted in the last call, float32 each, the batch B first.

        Returns:
            "neurons/motor": (B, O) and, of a network with neurons of ours, those of
            `LAYERS` likewise, "states/0" (B, H) of a cell, and "gates" and
            "time_constants" (B, H) of a liquid one.
        """
        found = {f"neurons/{name}": self._read[name] for name in LAYERS if self._read}
        found["neurons/motor"] = self._motor
        if self._state is not None:
            found["states/0"] = self._state
        if self._of_cell is not None:
            of_step = gate_and_time_constant(*self._of_cell)
            if of_step is not None:
                found["gates"], found["time_constants"] = of_step
        return {name: _last(value) for name, value in found.items()}

    def _see(self, name: str, x: Tensor) -> Tensor:
        self._read[name] = x
        return x

    def _see_motor(self, _: nn.Module, args: Any, outputs: Any) -> None:
        self._motor = outputs[0] if isinstance(outputs, tuple) else outputs

    def _see_cell(self, cell: nn.Module, args: Any, outputs: Any) -> None:
        self._state = outputs[1]
        self._of_cell = (cell, *args)


def _last(value: Tensor) -> np.ndarray:
    """Returns (B, n) numbers, the last ones of (T, B, n)."""
    value = value[-1] if value.dim() == 3 else value
    numbers: np.ndarray = value.detach().float().cpu().numpy().copy()
    return numbers
