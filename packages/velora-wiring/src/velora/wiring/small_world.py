"""The small world: most synapses are local and a few are far."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import torch
from torch import Tensor

from velora.wiring.arguments import generator, sparsity
from velora.wiring.connectome import Connectome
from velora.wiring.counts import layer_sizes
from velora.wiring.masks import LayerMasks
from velora.wiring.ncp_rule import connect_lonely, polarities


def small_world(
    in_features: int,
    n_neurons: int,
    out_features: int,
    *,
    sparsity_level: float = 0.5,
    seed: int | None = None,
    rewiring: float = 0.1,
) -> Connectome:
    """Samples one small world of all neurons and keeps what joins its layers.

    Source: Watts and Strogatz 1998, "Collective dynamics of 'small-world' networks".
    All neurons stand on a ring, those of a layer evenly spread around it. Each is
    joined with its nearest ones, then a share of the edges is rewired to anybody. The
    edges between consecutive layers are the synapses, those among command neurons
    recur in both directions. Then every neuron with no synapse in, or none out, gets
    one at random, as under the NCP rule.

    Args:
        in_features: sensory neurons.
        n_neurons: decision neurons, divided as in `Wiring`.
        out_features: motor neurons.
        sparsity_level: share of synapses left out, in [0.1, 0.9], of the whole ring:
            each neuron has `1 - sparsity_level` of all others for neighbours.
        seed: as in `Wiring`.
        rewiring: share of edges rewired, from 0 (a regular ring) to 1 (random). In a
            network give it by `functools.partial(small_world, rewiring=...)`.

    Raises:
        TypeError: a count or the seed is no integer, or the sparsity no number.
        ValueError: a count is too small, the sparsity outside [0.1, 0.9] or the
            rewiring outside [0, 1].
    """
    import networkx  # on use: importing it takes longer than all of velora.wiring

    density = 1 - sparsity(sparsity_level)
    if not 0 <= rewiring <= 1:
        raise ValueError(f"`rewiring` must be between 0 and 1; got {rewiring}.")
    n = layer_sizes(in_features, n_neurons, out_features)
    source = generator(seed)

    total = sum(astuple(n))
    neighbours = max(2 * round(density * (total - 1) / 2), 2)
    ring = networkx.watts_strogatz_graph(
        total,
        neighbours,
        rewiring,
        seed=int(torch.randint(2**31, (), generator=source, device="cpu")),
    )
    # (2, edges): each edge in both directions, as places on the ring.
    edges = np.array(ring.edges).T
    edges = np.concatenate((edges, edges[::-1]), axis=1)

    sizes = np.array(astuple(n))
    layer = np.repeat(np.arange(4), sizes)
    number = np.concatenate([np.arange(size) for size in sizes])
    around = np.argsort((number + 0.5) / sizes[layer], kind="stable")
    layer, number = layer[around], number[around]

    def between(start: int, end: int) -> Tensor:
        kept = (layer[edges[0]] == start) & (layer[edges[1]] == end)
        mask = torch.zeros(
            int(sizes[start]), int(sizes[end]), dtype=torch.int32, device="cpu"
        )
        at = torch.from_numpy(number[edges[:, kept]])
        mask[at[0], at[1]] = polarities((at.shape[1],), source)
        return mask

    return Connectome(
        LayerMasks(
            inter=connect_lonely(between(0, 1), source),
            command=connect_lonely(between(1, 2), source),
            motor=connect_lonely(between(2, 3), source),
            recurrent=between(2, 2),
        )
    )
