"""The random graph: chance alone decides on each synapse."""

from __future__ import annotations

import torch
from torch import Tensor

from velora.wiring.arguments import generator, sparsity
from velora.wiring.connectome import Connectome
from velora.wiring.counts import layer_sizes
from velora.wiring.masks import LayerMasks
from velora.wiring.ncp_rule import connect_lonely


def random(
    in_features: int,
    n_neurons: int,
    out_features: int,
    *,
    sparsity_level: float = 0.5,
    seed: int | None = None,
) -> Connectome:
    """Samples each possible synapse with the probability `1 - sparsity_level`.

    Source: the random graph G(n, p) (Gilbert 1959, "Random graphs"), one between each
    two layers and one among the command neurons. Then every neuron with no synapse in,
    or none out, gets one at random, as under the NCP rule.

    Args:
        in_features: sensory neurons.
        n_neurons: decision neurons, divided as in `Wiring`.
        out_features: motor neurons.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        seed: as in `Wiring`.

    Raises:
        TypeError: a count or the seed is no integer, or the sparsity no number.
        ValueError: a count is too small or the sparsity outside [0.1, 0.9].
    """
    density = 1 - sparsity(sparsity_level)
    n = layer_sizes(in_features, n_neurons, out_features)
    source = generator(seed)

    def graph(*shape: int) -> Tensor:
        # One number says both whether there is a synapse and what its polarity is.
        sampled = torch.rand(shape, generator=source, dtype=torch.float32, device="cpu")
        sampled -= 0.5
        there = sampled.abs() < density / 2
        return sampled.sign_().mul_(there).to(torch.int32)

    return Connectome(
        LayerMasks(
            inter=connect_lonely(graph(n.sensory, n.inter), source),
            command=connect_lonely(graph(n.inter, n.command), source),
            motor=connect_lonely(graph(n.command, n.motor), source),
            recurrent=graph(n.command, n.command),
        )
    )
