"""Rules about sampling: a wiring of the sizes asked for, on which a seed decides."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from velora.models.lnn.wiring_argument import masks_of
from velora.models.testing.calling import CallError
from velora.models.testing.wiring.synapses import faults_of, faults_of_size
from velora.models.testing.wiring.wiring_under_test import WiringUnderTest


def sized(subject: WiringUnderTest) -> Iterator[str]:
    """A wiring has as many neurons as it was asked for."""
    yield from faults_of_size(subject.sample(), subject.sizes)


def extreme(subject: WiringUnderTest) -> Iterator[str]:
    """The sparsest, the densest and the smallest wiring keep the rules above."""
    if any(faults_of(subject.sample(), subject.sizes)):
        return  # reported already
    for sparsity_level, sizes in (
        (0.1, subject.sizes),
        (0.9, subject.sizes),
        (0.5, (1, 2, 1)),
        (0.9, (1, 2, 1)),
    ):
        try:
            wiring = subject.sample(sparsity_level=sparsity_level, sizes=sizes)
        except CallError as error:
            # Some rules need more neurons than the fewest asked for here, and say so.
            says_so = "n_neurons" in str(error)
            if isinstance(error.__cause__, ValueError) and says_so:
                continue
            raise
        for fault in faults_of(wiring, sizes):
            yield f"with {sizes} and sparsity_level={sparsity_level}, {fault}"


def seeded(subject: WiringUnderTest) -> Iterator[str]:
    """A seed decides on every synapse."""
    first, again = subject.sample(seed=1), subject.sample(seed=1)
    if masks_of(first) != masks_of(again):
        yield (
            "seed=1 must give the same masks every time; they differ. Sample from a "
            "torch.Generator of that seed."
        )


def private(subject: WiringUnderTest) -> Iterator[str]:
    """A seed leaves PyTorch's global generator alone."""
    torch.default_generator.manual_seed(2)  # not where seed=1 would leave it
    before = torch.get_rng_state()
    subject.sample(seed=1)
    if not torch.equal(before, torch.get_rng_state()):
        yield (
            "seed=1 must leave PyTorch's global generator alone; it went on. Sample "
            "from a torch.Generator of that seed, and call no torch.manual_seed."
        )


def reproducible(subject: WiringUnderTest) -> Iterator[str]:
    """Without a seed PyTorch's decides."""
    sampled = []
    for _ in range(2):
        torch.default_generator.manual_seed(1)
        sampled.append(masks_of(subject.sample(seed=None)))
    if sampled[0] != sampled[1]:
        yield (
            "seed=None after the same torch.manual_seed must give the same masks; they "
            "differ. Sample from PyTorch's global generator, not from NumPy's."
        )
