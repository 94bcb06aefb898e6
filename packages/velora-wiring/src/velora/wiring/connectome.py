"""The connectome: who is connected to whom, whatever rule or hand has made it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from velora.wiring.counts import NeuronCounts
from velora.wiring.masks import LayerMasks

if TYPE_CHECKING:
    from typing_extensions import Self

FORMAT_VERSION = 1
_LAYERS = ("inter", "command", "motor", "recurrent")


class Connectome:
    """Who is connected to whom: any synapses between any number of neurons.

    `NCPNetwork` and `LiquidNCPNetwork` take one as their `wiring`. Two are equal when
    their masks are.

    Args:
        masks: (from, to) masks of -1 (inhibitory), 0 (none) and 1 (excitatory), of any
            dtype; each layer is as large as its masks say. They are copied.

    Attributes:
        masks: signed int32 masks, (from, to) each, on the CPU.
        counts: neurons of each kind.

    Raises:
        TypeError: `masks` is no `LayerMasks`.
        ValueError: the masks do not fit each other, or hold other values.
    """

    masks: LayerMasks
    counts: NeuronCounts

    def __init__(self, masks: LayerMasks) -> None:
        _check_type(masks)
        self.counts = _implied_counts(masks)
        _check_masks(masks, self.counts)
        self.masks = _copied(masks)

    def data(self) -> tuple[LayerMasks, NeuronCounts]:
        """Returns the masks and the neuron counts."""
        return self.masks, self.counts

    def with_masks(self, masks: LayerMasks) -> Self:
        """Returns a wiring of the same neurons with other synapses.

        Args:
            masks: masks of -1, 0 and 1 for `counts`; `recurrent` may be None.

        Raises:
            TypeError: `masks` is no `LayerMasks`.
            ValueError: a mask has the wrong shape or other values.
        """
        _check_type(masks)
        _check_masks(masks, self.counts)
        other = copy.copy(self)
        other.masks = _copied(masks)
        return other

    def to_dict(self) -> dict[str, Any]:
        """Returns the wiring as plain data that JSON can hold, without loss."""
        return {
            "version": FORMAT_VERSION,
            "masks": {name: mask.tolist() for name, mask in self.masks.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Makes a wiring from what `to_dict` gave; samples nothing.

        Raises:
            TypeError: `data` is no mapping.
            ValueError: the format version is unknown, an entry is missing, or the
                masks do not fit.
        """
        return cls(read_masks(data))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Connectome):
            return NotImplemented
        return self.counts == other.counts and self.masks == other.masks

    __hash__ = None  # type: ignore[assignment]  # the masks can be replaced

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masks})"


def read_masks(data: Mapping[str, Any], required: tuple[str, ...] = ()) -> LayerMasks:
    """Reads the masks of what a `to_dict` gave, and sees that its version is known.

    Args:
        data: a mapping with the entries "version" and "masks".
        required: further entries that must be there.

    Raises:
        TypeError: `data` is no mapping.
        ValueError: the format version is unknown, an entry is missing, or the masks
            are no lists of lists of numbers.
    """
    if not isinstance(data, Mapping):
        raise TypeError(
            "`data` must be a mapping, as `to_dict()` of a wiring gives it; got "
            f"{type(data).__name__}."
        )
    version = data.get("version")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"`version` must be {FORMAT_VERSION}, the format that this release of "
            f"velora-wiring reads; got {version!r}."
        )
    missing = [key for key in required if key not in data]
    if missing or not isinstance(data.get("masks"), Mapping):
        raise ValueError(
            "A wiring must have the entries that its `to_dict()` gives; "
            f"{missing or ['masks']} are missing."
        )
    try:
        masks = {
            name: torch.tensor(rows, device="cpu")
            for name, rows in data["masks"].items()
        }
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"`masks` must hold lists of lists of -1, 0 and 1: {error}."
        ) from error
    if not {"inter", "command", "motor"} <= masks.keys() <= set(_LAYERS):
        raise ValueError(
            "`masks` must hold 'inter', 'command', 'motor' and may hold "
            f"'recurrent'; got {sorted(masks)}."
        )
    return LayerMasks(**masks)


def _check_type(masks: LayerMasks) -> None:
    if not isinstance(masks, LayerMasks):
        raise TypeError(f"`masks` must be LayerMasks; got {type(masks).__name__}.")
    for name in _LAYERS:
        mask = getattr(masks, name)
        if not isinstance(mask, torch.Tensor) and (mask, name) != (None, "recurrent"):
            raise TypeError(
                f"The {name} mask must be a tensor; got {type(mask).__name__}. Pass "
                "torch.as_tensor(mask)."
            )


def _implied_counts(masks: LayerMasks) -> NeuronCounts:
    for name, mask in masks.items():
        if mask.dim() != 2 or 0 in mask.shape:
            raise ValueError(
                f"The {name} mask must have shape (from, to), with at least one neuron "
                f"on each side; got {tuple(mask.shape)}."
            )
    return NeuronCounts(
        sensory=masks.inter.shape[0],
        inter=masks.inter.shape[1],
        command=masks.command.shape[1],
        motor=masks.motor.shape[1],
    )


def _copied(masks: LayerMasks) -> LayerMasks:
    return LayerMasks(
        **{name: mask.to("cpu", torch.int32, copy=True) for name, mask in masks.items()}
    )


def _check_masks(masks: LayerMasks, counts: NeuronCounts) -> None:
    shapes = {
        "inter": (counts.sensory, counts.inter),
        "command": (counts.inter, counts.command),
        "motor": (counts.command, counts.motor),
        "recurrent": (counts.command, counts.command),
    }
    for name, mask in masks.items():
        if tuple(mask.shape) != shapes[name]:
            raise ValueError(
                f"The {name} mask must have shape (from, to) = {shapes[name]}; got "
                f"{tuple(mask.shape)}. Transpose masks that are (to, from)."
            )
        held = (mask == 0) | (mask == 1)
        if mask.dtype.is_signed:  # else 255 of uint8 equals -1
            held |= mask == -1
        if mask.is_complex() or not held.all():
            got = mask.flatten() if held.all() else mask[~held]
            raise ValueError(
                f"The {name} mask must hold -1 (inhibitory), 0 (none) or 1 "
                f"(excitatory) alone; got {got[:3].tolist()} of {mask.dtype}."
            )
