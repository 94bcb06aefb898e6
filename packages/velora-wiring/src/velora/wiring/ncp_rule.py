"""The NCP rule: how the synapses of each layer are sampled.

Source: Lechner et al. 2020, "Neural circuit policies enabling auditable
autonomy", Methods, "Neural circuit policies' wiring". Every function samples whole
blocks of synapses at once; none loops over synapses.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from velora.wiring.counts import NeuronCounts, SynapseCounts
from velora.wiring.masks import LayerMasks

_BLOCK = 1 << 23  # synapses sampled at once: keeps scratch memory near 100 MB
_CPU = "cpu"  # one stream of randomness, whatever PyTorch's default device is


def synapse_counts(neurons: NeuronCounts, density: float) -> SynapseCounts:
    """Returns the synapses each kind of neuron gets at a density in (0, 1)."""

    def whole(k: float) -> int:
        # 0.1 is not 1 - 0.9 in binary: 0.9999999 is meant to be one synapse.
        return max(math.floor(k + 1e-6), 1)

    return SynapseCounts(
        sensory=whole(neurons.inter * density),
        inter=whole(neurons.command * density),
        command=whole(2 * neurons.command * density),
        motor=whole(neurons.command * density),
    )


def sample_masks(
    neurons: NeuronCounts, synapses: SynapseCounts, generator: Generator | None
) -> LayerMasks:
    """Samples the signed masks of an NCP.

    Args:
        neurons: neurons of each kind.
        synapses: synapses of each kind.
        generator: where randomness comes from; None is PyTorch's global one.

    Returns:
        Masks in which no sensory, inter, command or motor neuron is left alone.
    """
    inter = fan_out(neurons.sensory, neurons.inter, synapses.sensory, generator)
    command = fan_out(neurons.inter, neurons.command, synapses.inter, generator)
    # A motor neuron chooses whom it listens to: the same, seen from its end.
    motor = fan_out(neurons.motor, neurons.command, synapses.motor, generator).T
    return LayerMasks(
        inter=connect_lonely(inter, generator),
        command=connect_lonely(command, generator),
        motor=connect_lonely(motor.contiguous(), generator),
        recurrent=_pairs(neurons.command, synapses.command, generator),
    )


def fan_out(rows: int, columns: int, k: int, generator: Generator | None) -> Tensor:
    """Samples (rows, columns) synapses: exactly k distinct columns in each row."""
    mask = torch.zeros(rows, columns, dtype=torch.int32, device=_CPU)
    block = max(_BLOCK // columns, 1)
    for start in range(0, rows, block):
        part = mask[start : start + block]
        keys = torch.rand(
            part.shape, generator=generator, dtype=torch.float32, device=_CPU
        )
        chosen = keys.topk(k, dim=1, sorted=False).indices
        part.scatter_(1, chosen, polarities(chosen.shape, generator))
    return mask


def _pairs(neurons: int, k: int, generator: Generator | None) -> Tensor:
    """Samples k distinct synapses among neurons, onto themselves included."""
    mask = torch.zeros(neurons**2, dtype=torch.int32, device=_CPU)
    chosen = torch.randperm(neurons**2, generator=generator, device=_CPU)[:k]
    mask[chosen] = polarities((k,), generator)
    return mask.view(neurons, neurons)


def connect_lonely(mask: Tensor, generator: Generator | None) -> Tensor:
    """Gives each column, then each row, without a synapse one at random, in place."""
    for side in (mask.T, mask):
        lonely = (side == 0).all(dim=1).nonzero().squeeze(1)
        partner = torch.randint(
            side.shape[1], lonely.shape, generator=generator, device=_CPU
        )
        side[lonely, partner] = polarities(lonely.shape, generator)
    return mask


def polarities(
    shape: torch.Size | tuple[int, ...], generator: Generator | None
) -> Tensor:
    """Samples int32 signs, as many excitatory as inhibitory by chance."""
    signs = torch.randint(2, shape, generator=generator, dtype=torch.int32, device=_CPU)
    return signs.mul_(2).sub_(1)
