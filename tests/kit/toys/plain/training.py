"""Networks that an optimizer cannot train, or not all of them."""

from torch import nn
from toys.plain.right import Right
from toys.wrong import Wrong


class HasAnUnusedLayer(Right):
    def __init__(self, *sizes, device=None):
        super().__init__(*sizes, device=device)
        self.unused = nn.Linear(2, 2, device=device)


class Detached(Right):
    def forward(self, x):
        return super().forward(x).detach()


class DetachesItsInputs(Right):
    def forward(self, x):
        return super().forward(x.detach())


class RoundsItsInputs(Right):
    def forward(self, x):
        return super().forward((16 * x).round() / 16)


class RoundsItsOutputs(Right):
    def forward(self, x):
        return (64 * super().forward(x)).round() / 64


class HasAnInfiniteSlope(Right):
    def forward(self, x):
        return super().forward(x) + (0 * x[:, :1]).abs().sqrt()


WRONG = [
    Wrong(HasAnUnusedLayer, "gradients", "parameter `unused.weight` must get a gradie"),
    Wrong(Detached, "gradients", "outputs must be differentiable"),
    Wrong(DetachesItsInputs, "gradients", "the inputs must get a gradient; got None"),
    Wrong(RoundsItsInputs, "gradients", "the inputs must get a gradient other than"),
    Wrong(RoundsItsOutputs, "gradients", "some parameter must get a gradient other"),
    Wrong(HasAnInfiniteSlope, "gradients", "the inputs must get a finite gradient"),
]
