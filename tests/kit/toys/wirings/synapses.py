"""Wirings whose masks or counts are wrong."""

from types import SimpleNamespace

import torch
from toys.wirings.right import Right
from toys.wrong import Wrong

from velora.wiring import LayerMasks, NeuronCounts


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


class NeedsASeed(Right):
    def __init__(self, *sizes, seed, **options):
        super().__init__(*sizes, seed=seed, **options)


class IsAlwaysAnother(Right):
    """Samples at every look; the first one is always the same."""

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
]
