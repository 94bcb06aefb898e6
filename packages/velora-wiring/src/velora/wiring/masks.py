"""Synapse masks: one signed mask a layer says who is connected to whom."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class LayerMasks:
    """Synapses of the layers as int32 tensors of shape (from, to).

    An entry is -1 for an inhibitory synapse, 1 for an excitatory one and 0 for
    none. Two instances are equal when all their masks are.

    Attributes:
        inter: (sensory, inter) synapses.
        command: (inter, command) synapses.
        motor: (command, motor) synapses.
        recurrent: (command, command) synapses; None where there are none.
    """

    inter: Tensor
    command: Tensor
    motor: Tensor
    recurrent: Tensor | None = None

    def items(self) -> tuple[tuple[str, Tensor], ...]:
        """Returns the (name, mask) pairs that are there, from sensory to motor."""
        pairs = (
            ("inter", self.inter),
            ("command", self.command),
            ("recurrent", self.recurrent),
            ("motor", self.motor),
        )
        return tuple((name, mask) for name, mask in pairs if mask is not None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LayerMasks):
            return NotImplemented
        mine, theirs = dict(self.items()), dict(other.items())
        return mine.keys() == theirs.keys() and all(
            mask.shape == theirs[name].shape
            and bool((mask.cpu() == theirs[name].cpu()).all())
            for name, mask in mine.items()
        )

    __hash__ = None  # type: ignore[assignment]  # equality is by value of tensors

    def __repr__(self) -> str:
        parts = (
            f"{name}={'x'.join(map(str, mask.shape))} ({_share(mask)})"
            for name, mask in self.items()
        )
        return f"LayerMasks({', '.join(parts)})"


def _share(mask: Tensor) -> str:
    if mask.is_meta:
        return "meta"
    return f"{int(torch.count_nonzero(mask))} synapses"
