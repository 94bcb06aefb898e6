"""Networks that are built wrong."""

import torch
from torch import nn
from toys.plain.right import Right
from toys.wrong import Wrong


def no_module(in_features, out_features, *, device=None):
    return lambda x: x[:, :out_features]


class OneSizeOnly(Right):
    def __init__(self, in_features, out_features, *, device=None):
        if in_features == 1:
            raise ValueError("too small")
        super().__init__(in_features, out_features, device=device)


class HalfOnTheDevice(Right):
    def __init__(self, *sizes, device=None):
        super().__init__(*sizes, device=device)
        self.outer = nn.Linear(8, sizes[1])


class NoDevice(Right):
    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)


class SamplesItsOwnNumbers(Right):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        generator = torch.Generator()
        generator.seed()
        if not self.inner.weight.is_meta:
            nn.init.normal_(self.inner.weight, generator=generator)


class AlwaysTheSame(Right):
    def __init__(self, *sizes, **options):
        torch.manual_seed(0)
        super().__init__(*sizes, **options)


WRONG = [
    Wrong(no_module, "builds", "must return a torch.nn.Module; got function"),
    Wrong(OneSizeOnly, "builds", "with (1, 1) raised ValueError: too small"),
    Wrong(HalfOnTheDevice, "builds", "`outer.weight`, `outer.bias` is on cpu"),
    Wrong(NoDevice, "builds", "unexpected keyword argument 'device'"),
    Wrong(SamplesItsOwnNumbers, "seed", "the same numbers; `inner.weight` differs"),
    Wrong(AlwaysTheSame, "seed", "another torch.manual_seed before building must"),
]
