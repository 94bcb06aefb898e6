"""Wirings that are sampled wrong."""

import itertools

import torch
from toys.wirings.right import Right
from toys.wrong import Wrong


class HasOneMore(Right):
    def count(self, in_features, n_neurons, out_features):
        return super().count(in_features, n_neurons + 1, out_features)


class IsThinWhenSparse(Right):
    def layer(self, rows, columns):
        mask = super().layer(rows, columns)
        if self.density < 0.2 and columns > 1:
            mask[:, -1] = 0
        return mask


class NeedsThreeNeurons(Right):
    def __init__(self, in_features, n_neurons, out_features, **options):
        if n_neurons < 3:
            raise ZeroDivisionError("no neurons left")
        super().__init__(in_features, n_neurons, out_features, **options)


class NeverTheSame(Right):
    numbers = itertools.count()

    def source(self, seed):
        return super().source(None if seed is None else next(self.numbers))


class IgnoresTheSeed(Right):
    def source(self, seed):
        return None


class SeedsEverything(Right):
    def source(self, seed):
        if seed is not None:
            torch.manual_seed(seed)
        return None


class SamplesItsOwnNumbers(Right):
    numbers = itertools.count()

    def source(self, seed):
        return super().source(next(self.numbers) if seed is None else seed)


WRONG = [
    Wrong(HasOneMore, "sizes,drives networks", "= (3, 16, 2); got (3, 17, 2)"),
    Wrong(IsThinWhenSparse, "extremes", "and sparsity_level=0.9, every neuron must"),
    Wrong(NeedsThreeNeurons, "extremes", "raised ZeroDivisionError: no neurons left"),
    Wrong(NeverTheSame, "seed", "seed=1 must give the same masks every time"),
    Wrong(IgnoresTheSeed, "seed,private seed", "seed=1 must give the same masks"),
    Wrong(SeedsEverything, "private seed", "must leave PyTorch's global generator"),
    Wrong(SamplesItsOwnNumbers, "global seed", "seed=None after the same torch.manual"),
]
