"""Networks that cannot be moved to a dtype or a device."""

import torch
from toys.plain.right import Right
from toys.wrong import Wrong


class ReturnsFloats(Right):
    def forward(self, x):
        return super().forward(x).float()


class TakesFloats(Right):
    def forward(self, x):
        return super().forward(x.float())


class LeavesAScaleBehind(Right):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.scale = torch.full(sizes[:1], 2.0)

    def forward(self, x):
        return super().forward(x * self.scale)


class LeavesAMatrixBehind(Right):
    """A product with it raises nothing on "meta"."""

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.turn = torch.eye(sizes[0]).flip(0)

    def forward(self, x):
        return super().forward(x @ self.turn.to(x.dtype))


class ReturnsToTheCPU(Right):
    def forward(self, x):
        y = super().forward(x)
        return torch.zeros(y.shape, dtype=y.dtype) if y.is_meta else y


class KnowsOnlyTheCPU(Right):
    def forward(self, x):
        if x.device.type != "cpu":
            raise RuntimeError("no kernel")
        return super().forward(x)


WRONG = [
    Wrong(ReturnsFloats, "dtype", "the outputs must be of torch.float64; got torch.fl"),
    Wrong(TakesFloats, "dtype", "`forward` of x (3, 4) raised RuntimeError: mat1 and"),
    Wrong(LeavesAScaleBehind, "device", "got a tensor (4,) that is still on the CPU"),
    Wrong(LeavesAMatrixBehind, "device", "`matmul` got a tensor (4, 4) that is still"),
    Wrong(ReturnsToTheCPU, "device", "the outputs must be there; got cpu"),
    Wrong(KnowsOnlyTheCPU, "device", "raised RuntimeError: no kernel"),
]
