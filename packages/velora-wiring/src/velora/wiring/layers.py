"""What masks and effects have in common: one tensor a layer, from sensory to motor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Layers:
    """One (from, to) tensor a layer; 0 stands where there is no synapse.

    Two instances of a class are equal when all their tensors are.

    Attributes:
        inter: (sensory, inter).
        command: (inter, command).
        motor: (command, motor).
        recurrent: (command, command); None where nothing recurs.
    """

    inter: Tensor
    command: Tensor
    motor: Tensor
    recurrent: Tensor | None = None

    def items(self) -> tuple[tuple[str, Tensor], ...]:
        """Returns the (name, tensor) pairs that are there, from sensory to motor."""
        pairs = (
            ("inter", self.inter),
            ("command", self.command),
            ("recurrent", self.recurrent),
            ("motor", self.motor),
        )
        return tuple((name, layer) for name, layer in pairs if layer is not None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        mine, theirs = dict(self.items()), dict(other.items())
        return mine.keys() == theirs.keys() and all(
            layer.shape == theirs[name].shape
            and bool((layer.cpu() == theirs[name].cpu()).all())
            for name, layer in mine.items()
        )

    __hash__ = None  # type: ignore[assignment]  # equality is by value of tensors

    def __repr__(self) -> str:
        parts = (
            f"{name}={'x'.join(map(str, layer.shape))} ({_share(layer)})"
            for name, layer in self.items()
        )
        return f"{type(self).__name__}({', '.join(parts)})"


def _share(layer: Tensor) -> str:
    if layer.is_meta:
        return "meta"
    return f"{int(torch.count_nonzero(layer))} synapses"
