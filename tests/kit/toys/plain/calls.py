"""Networks that return something wrong, or not only from their arguments."""

import torch
from torch.nn import functional
from toys.plain.right import Right
from toys.wrong import Wrong


class ReturnsATuple(Right):
    def forward(self, x):
        return super().forward(x), None


class Flattens(Right):
    def forward(self, x):
        return super().forward(x).flatten()


class Counts(Right):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) + self.calls


class AlwaysDrops(Right):
    def forward(self, x):
        return super().forward(functional.dropout(x, 0.5, training=True))


class WorksInPlace(Right):
    def forward(self, x):
        return super().forward(x.mul_(2))


class CountsInABuffer(Right):
    def __init__(self, *sizes, device=None):
        super().__init__(*sizes, device=device)
        self.register_buffer("calls", torch.zeros((), device=device))

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


class DecaysItsWeight(Right):
    def forward(self, x):
        y = super().forward(x)
        if not torch.is_grad_enabled():
            self.inner.weight.mul_(0.9)
        return y


class CentresTheBatch(Right):
    def forward(self, x):
        return super().forward(x - x.mean(dim=0, keepdim=True))


class SharesTheFirstRow(Right):
    def forward(self, x):
        return super().forward(x + x[0])


WRONG = [
    Wrong(ReturnsATuple, "shapes", "must be one tensor; x (1, 4) gives a tuple of 2"),
    Wrong(Flattens, "shapes", "outputs of the shape (2, 3); got (6,)"),
    Wrong(Counts, "repeatable", "two calls with the same arguments"),
    Wrong(AlwaysDrops, "repeatable", "in training mode alone"),
    Wrong(WorksInPlace, "changes nothing", "the inputs changed in place"),
    Wrong(CountsInABuffer, "changes nothing", "the buffer `calls` changed"),
    Wrong(DecaysItsWeight, "changes nothing", "the parameter `inner.weight` changed"),
    Wrong(CentresTheBatch, "rows apart", "row 0 of x (5, 4) must give the same alone"),
    Wrong(SharesTheFirstRow, "rows apart", "the outputs differ by up to"),
]
