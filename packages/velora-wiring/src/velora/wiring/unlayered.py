"""Synapses of neurons that stand in no layers."""

from __future__ import annotations

import torch
from torch import Tensor

from velora.wiring.arguments import count


class Unlayered:
    """Who is connected to whom where there are no layers.

    Each of H units may listen to each of F inputs and to each unit, itself included.
    The first units are the output. Two are equal when their masks and outputs are.

    Args:
        mask: (F + H, H) synapses, (from, to), from the inputs first and then from the
            units: -1 (inhibitory), 0 (none) or 1 (excitatory). It is copied.
        out_features: units that are the output; None for all of them.

    Attributes:
        mask: the signed int32 mask, on the CPU.
        in_features: inputs F.
        units: units H.
        out_features: units that are the output, the first ones.

    Raises:
        TypeError: the mask is no tensor, or `out_features` no integer.
        ValueError: the mask has no such shape or holds other numbers, or there are
            fewer units than outputs.
    """

    def __init__(self, mask: Tensor, out_features: int | None = None) -> None:
        if not isinstance(mask, Tensor):
            raise TypeError(
                f"`mask` must be a tensor; got {type(mask).__name__}. Pass "
                "torch.as_tensor(mask)."
            )
        if mask.dim() != 2 or not 0 < mask.shape[1] < mask.shape[0]:
            raise ValueError(
                "`mask` must have shape (inputs + units, units), with at least one of "
                f"each; got {tuple(mask.shape)}."
            )
        held = (mask == 0) | (mask.abs() == 1)
        if not held.all():
            raise ValueError(
                "`mask` must hold -1 (inhibitory), 0 (none) or 1 (excitatory) alone; "
                f"got {mask[~held][:3].tolist()}."
            )
        self.mask = mask.to("cpu", torch.int32, copy=True)
        self.units = mask.shape[1]
        self.in_features = mask.shape[0] - self.units
        self.out_features = outputs_of("out_features", out_features, self.units)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Unlayered):
            return NotImplemented
        alike = self.out_features == other.out_features
        return alike and torch.equal(self.mask, other.mask)

    __hash__ = None  # type: ignore[assignment]  # the mask can be replaced

    def __repr__(self) -> str:
        return (
            f"Unlayered(in_features={self.in_features}, units={self.units}, "
            f"out_features={self.out_features}): {int(self.mask.count_nonzero())} "
            "synapses"
        )


def outputs_of(name: str, value: int | None, units: int) -> int:
    """Returns how many of the units are the output: all where that is not said.

    Raises:
        TypeError: it is no integer.
        ValueError: it is below 1, or more than there are units.
    """
    outputs = units if value is None else count(name, value)
    if outputs > units:
        raise ValueError(
            f"`{name}` must be at most the {units} units, of which the output is a "
            f"part; got {outputs}."
        )
    return outputs
