"""Networks that are stored, copied or pickled wrong."""

import copy

import torch
from toys.plain.right import Right
from toys.wrong import Wrong


class ForgetsABuffer(Right):
    def __init__(self, *sizes, device=None):
        super().__init__(*sizes, device=device)
        scale = torch.rand(sizes[0], device=device) + 0.5
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, x):
        return super().forward(x * self.scale)


class RefusesItsState(Right):
    def load_state_dict(self, state_dict, *args, **options):
        raise KeyError("inner.weights")


class SharesWithItsCopy(Right):
    def __deepcopy__(self, memo):
        return copy.copy(self)


class ClingsToTheOriginal(Right):
    """As where an attribute holds a function that has closed over `self`."""

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.compute = super().forward

    def __deepcopy__(self, memo):
        twin = type(self)(*self.sizes).to(self.inner.weight.dtype)
        twin.compute = self.compute
        return twin

    def __reduce__(self):
        return _restored, (type(self), self.sizes, self.state_dict())

    def forward(self, x):
        return self.compute(x)


class CopiesToAnotherNetwork(Right):
    def __deepcopy__(self, memo):
        return type(self)(*self.sizes).to(self.inner.weight.dtype)


class RefusesToBeCopied(Right):
    def __deepcopy__(self, memo):
        raise RuntimeError("only one of me")


class KeepsALambda(Right):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.activation = lambda x: torch.tanh(x)


class PicklesItsSizesAlone(Right):
    def __reduce__(self):
        return _new, (type(self), self.sizes, self.inner.weight.dtype)

    def __deepcopy__(self, memo):
        return _restored(type(self), self.sizes, copy.deepcopy(self.state_dict()))


def _new(kind, sizes, dtype):
    return kind(*sizes).to(dtype)


def _restored(kind, sizes, state):
    network = _new(kind, sizes, state["inner.weight"].dtype)
    network.load_state_dict(state)
    return network


WRONG = [
    Wrong(ForgetsABuffer, "state_dict", "loaded another's `state_dict`"),
    Wrong(RefusesItsState, "state_dict", "KeyError: 'inner.weights'"),
    Wrong(SharesWithItsCopy, "deepcopy", "must leave the original alone"),
    Wrong(ClingsToTheOriginal, "deepcopy", "must compute with its own parameters"),
    Wrong(CopiesToAnotherNetwork, "deepcopy", "a deep copy must compute the same"),
    Wrong(RefusesToBeCopied, "deepcopy", "RuntimeError: only one of me"),
    Wrong(KeepsALambda, "pickle", "a network must survive pickle"),
    Wrong(PicklesItsSizesAlone, "pickle", "must compute the same after pickle"),
]
