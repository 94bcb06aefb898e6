"""Rules about who is connected to whom, and about how that is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch

from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork
from velora.models.lnn.wiring_argument import masks_of
from velora.models.testing.candidate import CallError, calling
from velora.wiring import LayerMasks, NeuronCounts

_KINDS = tuple(field.name for field in fields(NeuronCounts))
_NAMED = 3  # neurons that a fault names before it only counts


@dataclass(frozen=True)
class WiringCandidate:
    """A wiring to be judged.

    Attributes:
        sizes: (in_features, n_neurons, out_features) to make it with.
        make: makes it; None where it is there.
        ready: the wiring; None where it is made.
    """

    sizes: tuple[int, int, int]
    make: Callable[..., Any] | None = None
    ready: Any = None

    def draw(
        self,
        *,
        seed: int | None = 0,
        sparsity_level: float = 0.5,
        sizes: tuple[int, int, int] | None = None,
    ) -> Any:
        """Makes the wiring, or returns the one that is there."""
        if self.make is None:
            return self.ready
        sizes = sizes or self.sizes
        options = {"sparsity_level": sparsity_level, "seed": seed}
        words = ", ".join(f"{name}={value}" for name, value in options.items())
        with calling(f"making it with ({', '.join(map(str, sizes))}, {words})"):
            return self.make(*sizes, **options)


def offered(candidate: WiringCandidate) -> Iterator[str]:
    """A wiring says who is connected to whom, and how many neurons there are."""
    yield from _faults_of_offer(candidate.draw())


def fitting(candidate: WiringCandidate) -> Iterator[str]:
    """Masks are (from, to), of the neurons counted, and hold -1, 0 and 1."""
    yield from _faults_of_fit(candidate.draw())


def connected(candidate: WiringCandidate) -> Iterator[str]:
    """Every neuron has a synapse in, if it is not sensory, and out, if not motor."""
    yield from _lonely(masks_of(candidate.draw()))


def sized(candidate: WiringCandidate) -> Iterator[str]:
    """A wiring has as many neurons as it was asked for."""
    yield from _faults_of_size(candidate.draw(), candidate.sizes)


def extreme(candidate: WiringCandidate) -> Iterator[str]:
    """The sparsest, the densest and the smallest wiring keep the rules above."""
    if any(_faults(candidate.draw(), candidate.sizes)):
        return  # reported already
    for sparsity_level, sizes in (
        (0.1, candidate.sizes),
        (0.9, candidate.sizes),
        (0.5, (1, 2, 1)),
        (0.9, (1, 2, 1)),
    ):
        try:
            wiring = candidate.draw(sparsity_level=sparsity_level, sizes=sizes)
        except CallError as error:
            # Some rules need more neurons than the fewest asked for here, and say so.
            says_so = "n_neurons" in str(error)
            if isinstance(error.__cause__, ValueError) and says_so:
                continue
            raise
        for fault in _faults(wiring, sizes):
            yield f"with {sizes} and sparsity_level={sparsity_level}, {fault}"


def seeded(candidate: WiringCandidate) -> Iterator[str]:
    """A seed decides on every synapse."""
    first, again = candidate.draw(seed=1), candidate.draw(seed=1)
    if masks_of(first) != masks_of(again):
        yield (
            "seed=1 must give the same masks every time; they differ. Draw from a "
            "torch.Generator of that seed."
        )


def private(candidate: WiringCandidate) -> Iterator[str]:
    """A seed leaves PyTorch's global generator alone."""
    torch.default_generator.manual_seed(2)  # not where seed=1 would leave it
    before = torch.get_rng_state()
    candidate.draw(seed=1)
    if not torch.equal(before, torch.get_rng_state()):
        yield (
            "seed=1 must leave PyTorch's global generator alone; it went on. Draw from "
            "a torch.Generator of that seed, and call no torch.manual_seed."
        )


def reproducible(candidate: WiringCandidate) -> Iterator[str]:
    """Without a seed PyTorch's decides."""
    drawn = []
    for _ in range(2):
        torch.default_generator.manual_seed(1)
        drawn.append(masks_of(candidate.draw(seed=None)))
    if drawn[0] != drawn[1]:
        yield (
            "seed=None after the same torch.manual_seed must give the same masks; they "
            "differ. Draw from PyTorch's global generator, not from NumPy's."
        )


def drives_networks(candidate: WiringCandidate) -> Iterator[str]:
    """A network takes the wiring, computes with it and shows it."""
    wiring = candidate.draw()
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
        if candidate.make is not None:
            n = wiring.counts.inter + wiring.counts.command
            with calling(f"{kind.__name__} that makes this wiring"):
                kind(f, n, o, wiring=candidate.make)(torch.zeros(2, f))


def _faults(wiring: Any, sizes: tuple[int, int, int]) -> Iterator[str]:
    """Finds what is wrong with one wiring, the first kind of fault that there is."""
    for faults in (
        _faults_of_offer(wiring),
        _faults_of_fit(wiring),
        _faults_of_size(wiring, sizes),
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


def _faults_of_size(wiring: Any, sizes: tuple[int, int, int]) -> Iterator[str]:
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
