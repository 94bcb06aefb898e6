"""Recurrent networks that break a rule for every network, with a state or without."""

import torch
from toys.recurrent.right import WIDTH, Right
from toys.wrong import Wrong


class Beginningless(Right):
    initial_state = None


class SqueezesTheBatch(Right):
    def go(self, x, state, **options):
        y, state = super().go(x, state, **options)
        return y.squeeze(1), state


class SqueezesTime(Right):
    def go(self, x, state, **options):
        y, state = super().go(x, state, **options)
        return y.squeeze(0), state


class ReturnsAllStates(Right):
    def go(self, x, state, **options):
        y, state = super().go(x, state, **options)
        return y, state, [state]


class ReturnsNoState(Right):
    def go(self, x, state, **options):
        return super().go(x, state, **options)[0]


class PutsTheBatchSecond(Right):
    def initial_state(self, batch_size):
        return super().initial_state(batch_size)[None]

    def go(self, x, state, **options):
        state = None if state is None else state[0]
        y, state = super().go(x, state, **options)
        return y, state[None]


class RemembersInBrainFloats(Right):
    def initial_state(self, batch_size):
        return super().initial_state(batch_size).bfloat16()

    def go(self, x, state, **options):
        state = None if state is None else state.to(x.dtype)
        y, state = super().go(x, state, **options)
        return y, state.bfloat16()


class HasAListForAState(Right):
    def initial_state(self, batch_size):
        return [super().initial_state(batch_size)]


class GrowsItsState(Right):
    def go(self, x, state, **options):
        y, state = super().go(x, state, **options)
        return y, torch.cat((state, state), dim=1)


class WrapsItsState(Right):
    def go(self, x, state, **options):
        y, state = super().go(x, state, **options)
        return y, (state,)


class WidensItsState(Right):
    def go(self, x, state, **options):
        state = None if state is None else state.to(x.dtype)
        y, state = super().go(x, state, **options)
        return y, state.double()


class KeepsItsState(Right):
    kept = None

    def first_state(self, x):
        fits = self.kept is not None and self.kept.shape[0] == x.shape[1]
        return self.kept if fits else super().first_state(x)

    def go(self, x, state, **options):
        y, state = super().go(x, state, **options)
        self.kept = state.detach()
        return y, state


class StartsInSinglePrecision(Right):
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, WIDTH, device=self.outer.weight.device)


class StartsOnTheCPU(Right):
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, WIDTH, dtype=self.outer.weight.dtype)


class FadesTheStateInPlace(Right):
    def go(self, x, state, **options):
        y, after = super().go(x, state, **options)
        if state is not None and not torch.is_grad_enabled():
            state.mul_(0.9)
        return y, after


class ScalesTimeInPlace(Right):
    """The times of (T, 1, 1) are its own, those of (T, B, 1) are the caller's."""

    def times(self, x, timespans):
        times = super().times(x, timespans)
        return times.clone() if torch.is_grad_enabled() else times.sub_(0.1)


class AveragesInputs(Right):
    def step(self, now, state, time):
        return super().step(now + now.mean(dim=0, keepdim=True), state, time)


class HasAFastPath(Right):
    """For single precision alone, in which environments get the state of the first."""

    def go(self, x, state, **options):
        if x.dtype == torch.float32 and x.shape[1] == WIDTH and state is not None:
            state = state[:1].expand_as(state)
        return super().go(x, state, **options)


class StepsWithoutGradients(Right):
    def step(self, now, state, time):
        with torch.no_grad():
            return super().step(now, state, time)


WRONG = [
    Wrong(Beginningless, "builds", "must offer `initial_state`"),
    Wrong(SqueezesTheBatch, "shapes", "outputs of the shape (1, 1, 3); got (1, 3)"),
    Wrong(SqueezesTime, "shapes", "x (1, 1, 4) must give outputs of the shape (1, 1"),
    Wrong(ReturnsAllStates, "shapes", "must return the pair (outputs, state after"),
    Wrong(ReturnsNoState, "shapes", "must return the pair (outputs, state after"),
    Wrong(PutsTheBatchSecond, "shapes", "must have the batch in dimension 0 of every"),
    Wrong(RemembersInBrainFloats, "shapes", "a dtype that NumPy has"),
    Wrong(HasAListForAState, "shapes", "a tensor or a tuple of tensors"),
    Wrong(GrowsItsState, "shapes", "a tensor (1, 6) of torch.float32; got a tensor (1"),
    Wrong(WrapsItsState, "shapes", "got a tuple of ['(1, 6) of torch.float32']"),
    Wrong(WidensItsState, "shapes", "got a tensor (1, 6) of torch.float64"),
    Wrong(KeepsItsState, "repeatable", "Keep what lasts in the state"),
    Wrong(StartsInSinglePrecision, "dtype", "`initial_state` must be of torch.float6"),
    Wrong(StartsOnTheCPU, "device", "`initial_state` must be there; got cpu"),
    Wrong(FadesTheStateInPlace, "changes nothing", "the state changed in place"),
    Wrong(ScalesTimeInPlace, "changes nothing", "the timespans changed in place"),
    Wrong(AveragesInputs, "rows apart", "row 0 of x (5, 5, 4) must give the same"),
    Wrong(HasAFastPath, "rows apart", "in single precision alone, row 3 of x"),
    Wrong(StepsWithoutGradients, "gradients", "the inputs must get a gradient; got N"),
]
