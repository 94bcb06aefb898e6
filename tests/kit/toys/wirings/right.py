"""Wirings that are right."""

import torch

from velora.wiring import Connectome, LayerMasks, NeuronCounts, Wiring


class Right:
    """The wiring that every wrong one derives from: a ring, and more by chance."""

    def __init__(
        self, in_features, n_neurons, out_features, *, sparsity_level=0.5, seed=None
    ):
        self.density = 1 - sparsity_level
        self.generator = self.source(seed)
        n = self.counts = self.count(in_features, n_neurons, out_features)
        self.masks = LayerMasks(
            inter=self.layer(n.sensory, n.inter),
            command=self.layer(n.inter, n.command),
            motor=self.layer(n.command, n.motor),
        )

    def source(self, seed):
        return None if seed is None else torch.Generator().manual_seed(seed)

    def count(self, in_features, n_neurons, out_features):
        return NeuronCounts(in_features, n_neurons - 1, 1, out_features)

    def layer(self, rows, columns):
        sampled = torch.rand(rows, columns, generator=self.generator) < self.density
        steps = torch.arange(max(rows, columns))
        sampled[steps % rows, steps % columns] = True
        signs = torch.randint(2, sampled.shape, generator=self.generator) * 2 - 1
        return sampled * signs

    def replace(self, **masks):
        self.masks = LayerMasks(**dict(self.masks.items()) | masks)


def right_function(
    in_features, n_neurons, out_features, *, sparsity_level=0.5, seed=None
):
    """Right as well: the synapses of a `Wiring`, and others that recur alone."""
    made = Wiring(
        in_features, n_neurons, out_features, sparsity_level=sparsity_level, seed=seed
    )
    masks = dict(made.masks.items())
    masks["recurrent"] = torch.ones_like(masks["recurrent"])
    masks["motor"][0] = 0
    masks["motor"][-1] = 1
    return Connectome(LayerMasks(**masks))


class NeedsSomeNeuronsAndSaysSo(Right):
    def __init__(self, in_features, n_neurons, out_features, **options):
        if n_neurons < 5:
            raise ValueError(f"`n_neurons` must be at least 5; got {n_neurons}.")
        super().__init__(in_features, n_neurons, out_features, **options)


class MasksInNumPy(Right):
    def layer(self, rows, columns):
        return super().layer(rows, columns).numpy()
