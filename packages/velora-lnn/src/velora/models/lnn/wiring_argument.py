"""Which wiring a network gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, fields
from typing import Any

import torch
from torch import Tensor

from velora.plugins import wirings
from velora.wiring import Connectome, LayerMasks, NeuronCounts, Wiring

WiringChoice = str | Callable[..., Any] | Any | None
_LAYERS = [field.name for field in fields(LayerMasks)]
_KINDS = [field.name for field in fields(NeuronCounts)]


def is_ready(wiring: WiringChoice) -> bool:
    """Whether this is a wiring itself, not the name or the maker of one."""
    return not isinstance(wiring, (str, type)) and hasattr(wiring, "masks")


def choose_wiring(
    wiring: WiringChoice,
    in_features: int,
    n_neurons: int | None,
    out_features: int,
    sparsity_level: float,
) -> Connectome:
    """Returns the wiring of a network.

    Args:
        wiring: None for the NCP rule, a name in `velora.plugins.wirings()`, a maker
            that is called as `make(in_features, n_neurons, out_features,
            sparsity_level=...)`, or an object with `masks` and `counts`, as
            `velora.wiring.Connectome` has them.
        in_features: sensory neurons.
        n_neurons: decision neurons; None where the wiring is there and has its own.
        out_features: motor neurons.
        sparsity_level: share of synapses left out, where the wiring is made here.

    Raises:
        KeyError: the name is unknown; the message lists the known ones.
        TypeError: `wiring` is none of these, or a count no integer.
        ValueError: the wiring has other neurons than asked for, masks that do not fit
            its counts, or an argument out of range.
    """
    if is_ready(wiring):
        made = wiring
    elif n_neurons is None:
        raise TypeError(
            "`n_neurons` must be an integer; got None, and only a ready wiring has its "
            "own number."
        )
    else:
        make = Wiring if wiring is None else wiring
        if isinstance(make, str):
            make = wirings()[make].build
        if not callable(make):
            raise TypeError(
                "`wiring` must be a registered name, a function that makes a wiring, "
                f"or an object with `masks` and `counts`; got {wiring!r}."
            )
        made = make(in_features, n_neurons, out_features, sparsity_level=sparsity_level)
    chosen = _as_connectome(made)
    counts = chosen.counts
    asked = (in_features, n_neurons, out_features)
    got = (counts.sensory, counts.inter + counts.command, counts.motor)
    if asked not in (got, (got[0], None, got[2])):
        raise ValueError(
            "The wiring must have the neurons that the network is asked for, "
            f"(in_features, n_neurons, out_features) = {asked}; got {got}: {counts}. "
            "A ready wiring fits networks of its sizes alone; for actor and critic "
            "pass a function that makes one for the sizes that it is given."
        )
    return chosen


def masks_of(wiring: Any) -> LayerMasks:
    """Returns the masks of a wiring, whatever class holds them, unchecked.

    Raises:
        TypeError: it lacks masks, or counts.
    """
    layers = getattr(wiring, "masks", None)
    masks = {name: getattr(layers, name, None) for name in _LAYERS}
    needed = {"counts": getattr(wiring, "counts", None)}
    needed |= {f"masks.{name}": masks[name] for name in _LAYERS if name != "recurrent"}
    if missing := [name for name, value in needed.items() if value is None]:
        raise TypeError(
            "A wiring must have `masks` and `counts`, as velora.wiring.Connectome "
            f"does; {type(wiring).__name__} lacks {missing}."
        )
    return LayerMasks(
        **{
            name: mask if isinstance(mask, Tensor) else torch.tensor(mask, device="cpu")
            for name, mask in masks.items()
            if mask is not None
        }
    )


def _as_connectome(made: Any) -> Connectome:
    """Returns what has masks and counts as a connectome, copied and checked."""
    if isinstance(made, Connectome):
        return made
    chosen = Connectome(masks_of(made))
    counts = tuple(getattr(made.counts, kind, None) for kind in _KINDS)
    if counts != astuple(chosen.counts):
        raise ValueError(
            f"`counts` of a wiring must be those of its masks, {chosen.counts}; got "
            f"{dict(zip(_KINDS, counts, strict=True))}."
        )
    return chosen
