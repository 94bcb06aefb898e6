"""Rules about synapses: masks that fit their counts and leave nobody alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import torch

from velora.models.lnn import LiquidNCPNetwork, NCPNetwork
from velora.models.lnn.wiring_argument import masks_of
from velora.models.testing.calling import calling
from velora.models.testing.wiring.wiring_under_test import WiringUnderTest
from velora.wiring import LayerMasks, NeuronCounts

_KINDS = tuple(field.name for field in fields(NeuronCounts))
_NAMED = 3  # neurons that a fault names before it only counts


def offered(subject: WiringUnderTest) -> Iterator[str]:
    """A wiring says who is connected to whom, and how many neurons there are."""
    yield from _faults_of_offer(subject.sample())


def fitting(subject: WiringUnderTest) -> Iterator[str]:
    """Masks are (from, to), of the neurons counted, and hold -1, 0 and 1."""
    yield from _faults_of_fit(subject.sample())


def connected(subject: WiringUnderTest) -> Iterator[str]:
    """Every neuron has a synapse in, if it is not sensory, and out, if not motor."""
    yield from _lonely(masks_of(subject.sample()))


def drives_networks(subject: WiringUnderTest) -> Iterator[str]:
    """A network takes the wiring, computes with it and shows it."""
    wiring = subject.sample()
    f, o = wiring.counts.sensory, wiring.counts.motor
    for kind in (NCPNetwork, LiquidNCPNetwork):
        with calling(f"{kind.__name__} with this wiring"):
            network = kind(f, None, o, wiring=wiring)
            network(torch.zeros(2, f))
        for layer in ("inter", "command", "motor"):
            wanted = getattr(masks_of(wiring), layer).abs()
            if not torch.equal(getattr(network.masks, layer), wanted.to(torch.int32)):
                yield (
                    f"{kind.__name__} must show the synapses that it was given; its "
                    f"{layer} mask is another. Let `masks` be the same at each look."
                )
        if subject.make is not None:
            n = wiring.counts.inter + wiring.counts.command
            with calling(f"{kind.__name__} that makes this wiring"):
                kind(f, n, o, wiring=subject.make)(torch.zeros(2, f))


def faults_of(wiring: Any, sizes: tuple[int, int, int]) -> Iterator[str]:
    """Finds what is wrong with one wiring, the first kind of fault that there is."""
    for faults in (
        _faults_of_offer(wiring),
        _faults_of_fit(wiring),
        faults_of_size(wiring, sizes),
        _lonely(masks_of(wiring)),
    ):
        found = list(faults)
        yield from found
        if found:
            return


def _faults_of_offer(wiring: Any) -> Iterator[str]:
    masks_of(wiring)
    numbers = {kind: getattr(wiring.counts, kind, None) for kind in _KINDS}
    if not all(type(n) is int and n > 0 for n in numbers.values()):
        yield (
            "`counts` must have the neurons of each kind as integers of at least 1, as "
            f"velora.wiring.NeuronCounts does; got {numbers}."
        )


def _faults_of_fit(wiring: Any) -> Iterator[str]:
    n = wiring.counts
    shapes = {
        "inter": (n.sensory, n.inter),
        "command": (n.inter, n.command),
        "motor": (n.command, n.motor),
        "recurrent": (n.command, n.command),
    }
    for layer, mask in masks_of(wiring).items():
        if mask.is_floating_point():
            yield f"the {layer} mask must be a tensor of integers; got {mask.dtype}."
        elif tuple(mask.shape) != shapes[layer]:
            fix = " Transpose it." if tuple(mask.shape[::-1]) == shapes[layer] else ""
            yield (
                f"the {layer} mask must have the shape (from, to) = {shapes[layer]} of "
                f"`counts`; got {tuple(mask.shape)}.{fix}"
            )
        elif mask.dtype == torch.bool or not bool((mask.abs() <= 1).all()):
            got = torch.unique(mask).tolist()[:5]
            yield (
                f"the {layer} mask must hold -1 (inhibitory), 0 (none) and 1 "
                f"(excitatory) alone; got {got}."
            )


def faults_of_size(wiring: Any, sizes: tuple[int, int, int]) -> Iterator[str]:
    """Finds counts that are not the (in, decision, out) sizes asked for."""
    n = wiring.counts
    got = (n.sensory, n.inter + n.command, n.motor)
    if got != sizes:
        yield (
            "(sensory, inter + command, motor) of `counts` must be what was asked for, "
            f"(in_features, n_neurons, out_features) = {sizes}; got {got}."
        )


def _lonely(masks: LayerMasks) -> Iterator[str]:
    there = {layer: mask != 0 for layer, mask in masks.items()}
    into = {layer: there[layer].any(dim=0) for layer in ("inter", "command", "motor")}
    out = {
        "sensory": there["inter"].any(dim=1),
        "inter": there["command"].any(dim=1),
        "command": there["motor"].any(dim=1),
    }
    if "recurrent" in there:
        others = there["recurrent"].clone().fill_diagonal_(False)
        into["command"] |= others.any(dim=0)
        out["command"] |= others.any(dim=1)
    for direction, connected_ones in (("in", into), ("out", out)):
        for layer, connected_there in connected_ones.items():
            lonely = (~connected_there).nonzero().flatten().tolist()
            if lonely:
                some = ", ".join(map(str, lonely[:_NAMED]))
                if len(lonely) > _NAMED:
                    some += f" and {len(lonely) - _NAMED} more"
                yield (
                    f"every neuron must have a synapse {direction}; {layer} {some} of "
                    f"{len(connected_there)} has none. Give it one at random."
                )
