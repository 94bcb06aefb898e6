"""The dense wiring: every layer is fully connected with the next."""

from __future__ import annotations

from velora.wiring.arguments import generator, sparsity
from velora.wiring.connectome import Connectome
from velora.wiring.counts import layer_sizes
from velora.wiring.masks import LayerMasks
from velora.wiring.ncp_rule import polarities


def dense(
    in_features: int,
    n_neurons: int,
    out_features: int,
    *,
    sparsity_level: float = 0.5,
    seed: int | None = None,
) -> Connectome:
    """Connects every neuron with every neuron of the next layer.

    Source: the multi-layer perceptron (Rumelhart, Hinton, Williams 1986, "Learning
    representations by back-propagating errors"). Only the polarities are random.

    Args:
        in_features: sensory neurons.
        n_neurons: decision neurons, divided as in `Wiring`.
        out_features: motor neurons.
        sparsity_level: checked, and of no effect: nothing is left out.
        seed: as in `Wiring`.

    Raises:
        TypeError: a count or the seed is no integer, or the sparsity no number.
        ValueError: a count is too small or the sparsity outside [0.1, 0.9].
    """
    sparsity(sparsity_level)
    n = layer_sizes(in_features, n_neurons, out_features)
    source = generator(seed)
    return Connectome(
        LayerMasks(
            inter=polarities((n.sensory, n.inter), source),
            command=polarities((n.inter, n.command), source),
            motor=polarities((n.command, n.motor), source),
            recurrent=polarities((n.command, n.command), source),
        )
    )
