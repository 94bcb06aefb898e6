"""Every rule for a wiring catches a wiring that breaks it alone."""

import itertools
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch

from velora.models.testing import check_wiring
from velora.models.testing.wiring import MAKER_RULES, READY_RULES
from velora.plugins.testing import CheckError
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
        drawn = torch.rand(rows, columns, generator=self.generator) < self.density
        steps = torch.arange(max(rows, columns))
        drawn[steps % rows, steps % columns] = True
        signs = torch.randint(2, drawn.shape, generator=self.generator) * 2 - 1
        return drawn * signs

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


class CountsNothing(Right):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        del self.counts


class CountsInFloats(Right):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        n = self.counts
        self.counts = SimpleNamespace(
            sensory=float(n.sensory), inter=n.inter, command=n.command, motor=n.motor
        )


class HasATupleOfMasks(Right):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.masks = tuple(mask for _, mask in self.masks.items())


class TransposesAMask(Right):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.replace(inter=self.masks.inter.T)


class MasksOtherNeurons(Right):
    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.replace(motor=torch.ones(7, sizes[2], dtype=torch.int32))


class WeighsSynapses(Right):
    def layer(self, rows, columns):
        return 2 * super().layer(rows, columns)


class MasksInFloats(Right):
    def layer(self, rows, columns):
        return super().layer(rows, columns).float()


class MasksInBooleans(Right):
    def layer(self, rows, columns):
        return super().layer(rows, columns) != 0


class NeedsSomeNeuronsAndSaysSo(Right):
    def __init__(self, in_features, n_neurons, out_features, **options):
        if n_neurons < 5:
            raise ValueError(f"`n_neurons` must be at least 5; got {n_neurons}.")
        super().__init__(in_features, n_neurons, out_features, **options)


class MasksInNumPy(Right):
    def layer(self, rows, columns):
        return super().layer(rows, columns).numpy()


class LeavesOneAlone(Right):
    def layer(self, rows, columns):
        mask = super().layer(rows, columns)
        mask[:, 3:4] = 0
        return mask


class LeavesManyAlone(Right):
    """Nobody listens to most inter neurons."""

    def layer(self, rows, columns):
        mask = super().layer(rows, columns)
        if rows > 5:
            mask[:] = 0
            mask[0] = 1
        return mask


class ListensToItselfAlone(Right):
    def count(self, in_features, n_neurons, out_features):
        return NeuronCounts(in_features, n_neurons - 2, 2, out_features)

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        masks = self.masks
        masks.command[:, 0], masks.command[:, 1] = 0, 1
        self.replace(recurrent=torch.eye(2, dtype=torch.int32))


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


class SeedsEverything(Right):
    def source(self, seed):
        if seed is not None:
            torch.manual_seed(seed)
        return None


class DrawsItsOwnNumbers(Right):
    numbers = itertools.count()

    def source(self, seed):
        return super().source(next(self.numbers) if seed is None else seed)


class IgnoresTheSeed(Right):
    def source(self, seed):
        return None


class IsAlwaysAnother(Right):
    """Draws at every look; the first one is always the same."""

    @property
    def masks(self):
        n = self.counts
        return LayerMasks(
            inter=self.layer(n.sensory, n.inter),
            command=self.layer(n.inter, n.command),
            motor=self.layer(n.command, n.motor),
        )

    @masks.setter
    def masks(self, masks):
        self.generator = torch.Generator().manual_seed(0)


class NeedsASeed(Right):
    def __init__(self, *sizes, seed, **options):
        super().__init__(*sizes, seed=seed, **options)


class Wrong(NamedTuple):
    make: object
    rules: str  # separated by commas
    words: str


WRONG = [
    Wrong(CountsNothing, "masks and counts", "CountsNothing lacks ['counts']"),
    Wrong(CountsInFloats, "masks and counts", "got {'sensory': 3.0, 'inter': 15, 'c"),
    Wrong(HasATupleOfMasks, "masks and counts", "lacks ['masks.inter', 'masks.com"),
    Wrong(TransposesAMask, "masks fit counts", "the inter mask must have the shape (f"),
    Wrong(MasksOtherNeurons, "masks fit counts", "(1, 2) of `counts`; got (7, 2)."),
    Wrong(WeighsSynapses, "masks fit counts", "(excitatory) alone; got [-2, 0, 2]"),
    Wrong(MasksInFloats, "masks fit counts", "of integers; got torch.float32"),
    Wrong(MasksInBooleans, "masks fit counts", "alone; got [False, True]"),
    Wrong(LeavesOneAlone, "nobody alone", "a synapse in; inter 3 of 15 has none"),
    Wrong(LeavesManyAlone, "nobody alone", "out; inter 1, 2, 3 and 11 more of 15"),
    Wrong(ListensToItselfAlone, "nobody alone", "synapse in; command 0 of 2 has none"),
    Wrong(NeedsASeed, "drives networks", "missing 1 required keyword-only argument"),
    Wrong(IsAlwaysAnother, "drives networks", "NCPNetwork must show the synapses"),
    Wrong(HasOneMore, "sizes,drives networks", "= (3, 16, 2); got (3, 17, 2)"),
    Wrong(IsThinWhenSparse, "extremes", "and sparsity_level=0.9, every neuron must"),
    Wrong(NeedsThreeNeurons, "extremes", "raised ZeroDivisionError: no neurons left"),
    Wrong(NeverTheSame, "seed", "seed=1 must give the same masks every time"),
    Wrong(IgnoresTheSeed, "seed,private seed", "seed=1 must give the same masks"),
    Wrong(SeedsEverything, "private seed", "must leave PyTorch's global generator"),
    Wrong(DrawsItsOwnNumbers, "global seed", "seed=None after the same torch.manual"),
]


@pytest.mark.parametrize(
    "make",
    [Right, right_function, Wiring, NeedsSomeNeuronsAndSaysSo, MasksInNumPy],
)
def test_right_wiring_passes(make):
    check_wiring(make)
    check_wiring(make, in_features=1, n_neurons=9, out_features=7)
    check_wiring(make(5, 8, 3))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.make.__name__)
def test_wrong_wiring_is_caught_by_its_rule_alone(wrong):
    with pytest.raises(CheckError) as caught:
        check_wiring(wrong.make)
    failures = caught.value.failures
    rules = {failure.partition(": ")[0] for failure in failures}
    assert rules == set(wrong.rules.split(","))
    assert wrong.words in str(caught.value)
    assert "CallError" not in str(caught.value)
    assert caught.value.subject == f"wiring {wrong.make.__name__}"


def test_every_rule_has_a_wrong_wiring():
    rules = [rule.name for rule in (*READY_RULES, *MAKER_RULES)]
    about = [wrong.rules.partition(",")[0] for wrong in WRONG]
    assert list(dict.fromkeys(about)) == rules


@pytest.mark.parametrize(
    "make", [wrong.make for wrong in WRONG if wrong.rules == "nobody alone"]
)
def test_ready_wiring_is_held_to_the_same_rules(make):
    with pytest.raises(CheckError, match="has none"):
        check_wiring(make(3, 16, 2))


def test_transposed_mask_is_told_to_be_transposed_back():
    with pytest.raises(CheckError, match=r"got \(15, 3\)\. Transpose it\."):
        check_wiring(TransposesAMask)


def test_all_faults_are_reported_at_once():
    class Hopeless(LeavesOneAlone, SeedsEverything, HasOneMore):
        pass

    with pytest.raises(CheckError) as caught:
        check_wiring(Hopeless)
    rules = [failure.partition(": ")[0] for failure in caught.value.failures]
    expected = {"nobody alone", "drives networks", "sizes", "private seed"}
    assert set(rules) == expected


def test_what_is_no_wiring_is_refused():
    with pytest.raises(TypeError, match="a registered name, a function that makes"):
        check_wiring(42)
    with pytest.raises(KeyError, match="No wiring is called 'nobody'"):
        check_wiring("nobody")
