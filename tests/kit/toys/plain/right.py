"""Networks without a state that are right."""

import torch
from torch import nn
from torch.nn import functional


class Right(nn.Module):
    """The network that every wrong one derives from."""

    def __init__(self, in_features, out_features, *, device=None, width=8):
        super().__init__()
        self.sizes = (in_features, out_features)
        self.inner = nn.Linear(in_features, width, device=device)
        self.outer = nn.Linear(width, out_features, device=device)

    def forward(self, x):
        return self.outer(torch.tanh(self.inner(x)))


class StartsAtZero(Right):
    """Right as well: what hides behind the zeros is looked at all the same."""

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)


class NormalisesAndDrops(Right):
    """Right as well: both are of training mode alone."""

    def __init__(self, *sizes, device=None):
        super().__init__(*sizes, device=device)
        self.norm = nn.BatchNorm1d(sizes[0], device=device)

    def forward(self, x):
        return super().forward(functional.dropout(self.norm(x), 0.1, self.training))


class DropsTheBatchOfOne(Right):
    """Right as well: `NCPNetwork` does so."""

    def forward(self, x):
        return super().forward(x).squeeze(0)


class LooksAtItsNumbers(Right):
    """Right as well, though it cannot compute on "meta"."""

    def forward(self, x):
        if not torch.isfinite(x).all():
            raise ValueError("`x` must be finite.")
        return super().forward(x)
