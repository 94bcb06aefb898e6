"""Every rule for a network without a state catches a network that breaks it alone."""

import copy
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn import functional

from velora.models.testing import check_network
from velora.models.testing.network import NETWORK_RULES
from velora.plugins.testing import CheckError


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


class DrawsItsOwnNumbers(Right):
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


class Wrong(NamedTuple):
    build: object
    rule: str
    words: str


WRONG = [
    Wrong(no_module, "builds", "must return a torch.nn.Module; got function"),
    Wrong(OneSizeOnly, "builds", "with (1, 1) raised ValueError: too small"),
    Wrong(HalfOnTheDevice, "builds", "`outer.weight`, `outer.bias` is on cpu"),
    Wrong(NoDevice, "builds", "unexpected keyword argument 'device'"),
    Wrong(ReturnsATuple, "shapes", "must be one tensor; x (1, 4) gives a tuple of 2"),
    Wrong(Flattens, "shapes", "outputs of the shape (2, 3); got (6,)"),
    Wrong(Counts, "repeatable", "two calls with the same arguments"),
    Wrong(AlwaysDrops, "repeatable", "in training mode alone"),
    Wrong(ReturnsFloats, "dtype", "the outputs must be of torch.float64; got torch.fl"),
    Wrong(TakesFloats, "dtype", "`forward` of x (3, 4) raised RuntimeError: mat1 and"),
    Wrong(LeavesAScaleBehind, "device", "got a tensor (4,) that is still on the CPU"),
    Wrong(LeavesAMatrixBehind, "device", "`matmul` got a tensor (4, 4) that is still"),
    Wrong(ReturnsToTheCPU, "device", "the outputs must be there; got cpu"),
    Wrong(KnowsOnlyTheCPU, "device", "raised RuntimeError: no kernel"),
    Wrong(WorksInPlace, "changes nothing", "the inputs changed in place"),
    Wrong(CountsInABuffer, "changes nothing", "the buffer `calls` changed"),
    Wrong(DecaysItsWeight, "changes nothing", "the parameter `inner.weight` changed"),
    Wrong(CentresTheBatch, "rows apart", "row 0 of x (5, 4) must give the same alone"),
    Wrong(SharesTheFirstRow, "rows apart", "the outputs differ by up to"),
    Wrong(HasAnUnusedLayer, "gradients", "parameter `unused.weight` must get a gradie"),
    Wrong(Detached, "gradients", "outputs must be differentiable"),
    Wrong(DetachesItsInputs, "gradients", "the inputs must get a gradient; got None"),
    Wrong(RoundsItsInputs, "gradients", "the inputs must get a gradient other than"),
    Wrong(RoundsItsOutputs, "gradients", "some parameter must get a gradient other"),
    Wrong(HasAnInfiniteSlope, "gradients", "the inputs must get a finite gradient"),
    Wrong(DrawsItsOwnNumbers, "seed", "the same numbers; `inner.weight` differs"),
    Wrong(AlwaysTheSame, "seed", "another torch.manual_seed before building must"),
    Wrong(ForgetsABuffer, "state_dict", "loaded another's `state_dict`"),
    Wrong(RefusesItsState, "state_dict", "KeyError: 'inner.weights'"),
    Wrong(SharesWithItsCopy, "deepcopy", "must leave the original alone"),
    Wrong(ClingsToTheOriginal, "deepcopy", "must compute with its own parameters"),
    Wrong(CopiesToAnotherNetwork, "deepcopy", "a deep copy must compute the same"),
    Wrong(RefusesToBeCopied, "deepcopy", "RuntimeError: only one of me"),
    Wrong(KeepsALambda, "pickle", "a network must survive pickle"),
    Wrong(PicklesItsSizesAlone, "pickle", "must compute the same after pickle"),
]


@pytest.mark.parametrize(
    "build",
    [Right, StartsAtZero, NormalisesAndDrops, DropsTheBatchOfOne, LooksAtItsNumbers],
)
def test_right_network_passes(build):
    check_network(build)
    check_network(build, recurrent=False, in_features=1, out_features=1)


def test_options_reach_the_builder():
    check_network(Right, width=3)
    with pytest.raises(CheckError, match="unexpected keyword argument 'depth'"):
        check_network(Right, depth=3)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.build.__name__)
def test_wrong_network_is_caught_by_its_rule_alone(wrong):
    with pytest.raises(CheckError) as caught:
        check_network(wrong.build)
    failures = caught.value.failures
    assert {failure.partition(": ")[0] for failure in failures} == {wrong.rule}
    assert wrong.words in str(caught.value)
    assert "CallError" not in str(caught.value)  # the class is the kit's own affair
    assert caught.value.subject == f"network {wrong.build.__name__}"


def test_every_rule_has_a_wrong_network():
    rules = [rule.name for rule in NETWORK_RULES]
    assert list(dict.fromkeys(wrong.rule for wrong in WRONG)) == rules


def test_all_faults_are_reported_at_once():
    class Hopeless(
        KeepsALambda,
        AlwaysTheSame,
        WorksInPlace,
        CentresTheBatch,
        HasAnUnusedLayer,
        LeavesAScaleBehind,
    ):
        pass

    with pytest.raises(CheckError) as caught:
        check_network(Hopeless)
    rules = {failure.partition(": ")[0] for failure in caught.value.failures}
    expected = {"device", "changes nothing", "rows apart", "gradients", "seed"}
    assert rules == expected | {"pickle"}


def test_what_cannot_be_judged_is_named():
    with pytest.raises(CheckError) as caught:
        check_network(Flattens)
    last = caught.value.failures[-1]
    assert last.startswith(
        "shapes: these cannot be judged until it holds: 'repeatable', "
    )
    assert last.endswith("'pickle'.")


def test_recurrent_network_that_is_said_not_to_be_is_told_how_to_register():
    with pytest.raises(CheckError, match="registered with recurrent=True"):
        check_network(ReturnsATuple, recurrent=False)
    with pytest.raises(CheckError, match="must offer `forward_sequence`"):
        check_network(Right, recurrent=True)
