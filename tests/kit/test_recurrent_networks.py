"""Every rule about a state catches a recurrent network that breaks it alone."""

from typing import NamedTuple

import pytest
import torch
from torch import nn

from velora.models.testing import check_network
from velora.models.testing.network import NETWORK_RULES, STATE_RULES
from velora.plugins.testing import CheckError

WIDTH = 6


class Right(nn.Module):
    """The network that every wrong one derives from: one gate, through which time acts.

    It goes step by step; each of its methods is what one kind of fault is about.
    """

    def __init__(self, in_features, out_features, *, device=None):
        super().__init__()
        self.inner = nn.Linear(in_features + WIDTH, WIDTH, device=device)
        self.gate = nn.Linear(in_features + WIDTH, WIDTH, device=device)
        self.outer = nn.Linear(WIDTH, out_features, device=device)

    def initial_state(self, batch_size):
        return self.outer.weight.new_zeros(batch_size, WIDTH)

    def forward_sequence(self, x, state=None, *, resets=None, timespans=None):
        return self.go(x, state, resets=resets, timespans=timespans)

    def go(self, x, state, *, resets, timespans):
        state = self.first_state(x) if state is None else state
        times = self.times(x, timespans)
        outputs = []
        for step, now in enumerate(x):
            if resets is not None:
                state = self.reset(state, resets, step)
            state = self.step(now, state, times[step])
            outputs.append(self.outer(state))
        return torch.stack(outputs), state

    def first_state(self, x):
        return self.initial_state(x.shape[1])

    def reset(self, state, resets, step):
        start = self.initial_state(len(state))
        return torch.where(resets[step][:, None], start, state)

    def step(self, now, state, time):
        z = torch.cat((now, state), dim=1)
        gate = torch.sigmoid(self.gate(z) * time)
        return state + gate * (torch.tanh(self.inner(z)) - state)

    def times(self, x, timespans):
        """Returns (T, B, 1) or (T, 1, 1) times."""
        steps, batch, _ = x.shape
        if timespans is None or isinstance(timespans, float):
            return x.new_full((steps, 1, 1), timespans or 1.0)
        shape = tuple(timespans.shape)
        if shape not in ((steps,), (steps, batch), (steps, batch, 1)):
            raise ValueError(f"`timespans` cannot have the shape {shape}.")
        return timespans.reshape(steps, -1, 1)


class RightWithParts(nn.Module):
    """Right as well: an LSTM whose state has parts of all kinds.

    One starts from a parameter, one counts steps. It takes no timespans, and looks at
    where resets are, as it may.
    """

    def __init__(self, in_features, out_features, *, device=None):
        super().__init__()
        self.cell = nn.LSTMCell(in_features, WIDTH, device=device)
        self.outer = nn.Linear(WIDTH, out_features, device=device)
        self.start = nn.Parameter(torch.zeros(2, WIDTH, device=device))

    def initial_state(self, batch_size):
        zeros = self.start.new_zeros(batch_size, WIDTH)
        count = torch.zeros(batch_size, dtype=torch.int64, device=zeros.device)
        return zeros, self.start.expand(batch_size, 2, WIDTH), count

    def forward_sequence(self, x, state=None, *, resets=None):
        start = self.initial_state(x.shape[1])
        h, c, count = start if state is None else state
        outputs = []
        for step, now in enumerate(x):
            if resets is not None and resets[step].any():
                h = torch.where(resets[step][:, None], start[0], h)
                c = torch.where(resets[step][:, None, None], start[1], c)
                count = torch.where(resets[step], start[2], count)
            h, cell = self.cell(now, (h, c[:, 0] + c[:, 1]))
            c = torch.stack((cell, 0.5 * c[:, 1]), dim=1)
            count = count + 1
            outputs.append(self.outer(h) / count[:, None])
        return torch.stack(outputs), (h, c, count)


class ShowsStates(Right):
    """Right, and gives the states of all steps where it is asked for them."""

    def forward_sequence(
        self, x, state=None, *, resets=None, timespans=None, return_states=False
    ):
        y, after = self.go(x, state, resets=resets, timespans=timespans)
        if not return_states:
            return y, after
        return y, after, self.states(x, state, resets, timespans)

    def states(self, x, state, resets, timespans):
        states = []
        for end in range(1, len(x) + 1):
            given = {"resets": resets, "timespans": timespans}
            given = {k: v if v is None else v[:end] for k, v in given.items()}
            states.append(self.go(x[:end], state, **given)[1])
        return torch.stack(states)


class ShowsStatesWithParts(RightWithParts):
    def forward_sequence(self, x, state=None, *, resets=None, return_states=False):
        y, after = super().forward_sequence(x, state, resets=resets)
        if not return_states:
            return y, after
        states = []
        for end in range(1, len(x) + 1):
            given = None if resets is None else resets[:end]
            run = super().forward_sequence(x[:end], state, resets=given)
            states.append(run[1])
        return y, after, tuple(map(torch.stack, zip(*states, strict=True)))


class ShowsTheLastState(ShowsStates):
    def states(self, *given):
        return super().states(*given)[-1]


class ShowsAListOfStates(ShowsStates):
    def states(self, *given):
        return list(super().states(*given))


class ShowsStatesBeforeSteps(ShowsStates):
    def states(self, x, state, resets, timespans):
        after = super().states(x, state, resets, timespans)
        return torch.cat((state[None], after[:-1]))


class ShowsStatesWithoutResets(ShowsStates):
    def states(self, x, state, resets, timespans):
        return super().states(x, state, None, timespans)


class ShowsStatesWithoutTimes(ShowsStates):
    def states(self, x, state, resets, timespans):
        return super().states(x, state, resets, None)


class SaysOtherThingsWithStates(ShowsStates):
    def forward_sequence(
        self, *given, resets=None, timespans=None, return_states=False
    ):
        options = {"resets": resets, "timespans": timespans}
        result = super().forward_sequence(
            *given, **options, return_states=return_states
        )
        return (3 * result[0], *result[1:]) if return_states else result


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


class StepsWithoutGradients(Right):
    def step(self, now, state, time):
        with torch.no_grad():
            return super().step(now, state, time)


class HasAFastPath(Right):
    """For single precision alone, in which environments get the state of the first."""

    def go(self, x, state, **options):
        if x.dtype == torch.float32 and x.shape[1] == WIDTH and state is not None:
            state = state[:1].expand_as(state)
        return super().go(x, state, **options)


class StartsElsewhere(Right):
    def first_state(self, x):
        return super().first_state(x) + 0.5


class DetachesSteps(Right):
    def go(self, x, state, **options):
        self.first = True
        return super().go(x, state, **options)

    def step(self, now, state, time):
        state = state if self.first else state.detach()
        self.first = False
        return super().step(now, state, time)


class ReturnsTheFirstState(Right):
    def go(self, x, state, **options):
        _, after = super().go(x[:1], state, resets=None, timespans=None)
        y, _ = super().go(x, state, **options)
        return y, after


class LooksAhead(Right):
    def go(self, x, state, **options):
        later = torch.cat((x[1:], x[-1:]))
        return super().go(x + 0.1 * later, state, **options)


class ForgetsEveryStep(Right):
    def step(self, now, state, time):
        return super().step(now, 0 * state, time)


class IgnoresTheStateGiven(Right):
    def go(self, x, state, **options):
        return super().go(x, None, **options)


class TakesNoResets(Right):
    def forward_sequence(self, x, state=None, *, timespans=None):
        return super().forward_sequence(x, state, timespans=timespans)


class IgnoresResets(Right):
    def reset(self, state, resets, step):
        return state


class ResetsAStepLate(Right):
    def reset(self, state, resets, step):
        return super().reset(state, resets, step - 1) if step else state


class ResetsNothingAtTheStart(Right):
    def reset(self, state, resets, step):
        return super().reset(state, resets, step) if step else state


class ResetsEverybody(Right):
    def reset(self, state, resets, step):
        anybody = resets[step].any().expand_as(resets[step])
        return super().reset(state, anybody[None], 0)


class ResetsToZeros(RightWithParts):
    def forward_sequence(self, x, state=None, *, resets=None):
        if resets is None:
            return super().forward_sequence(x, state)
        outputs = []
        state = self.initial_state(x.shape[1]) if state is None else state
        for step, now in enumerate(x.split(1)):
            h, c, count = state
            kept = ~resets[step]
            c = c * kept[:, None, None]
            state = h * kept[:, None], c, count * kept
            y, state = super().forward_sequence(now, state)
            outputs.append(y)
        return torch.cat(outputs), state


class MixesUpTheAxesOfResets(Right):
    def reset(self, state, resets, step):
        steps, batch = resets.shape
        return super().reset(state, resets.reshape(batch, steps).T, step)


class ResetsNeurons(Right):
    """Broadcasts over the hidden units where there are as many environments."""

    def reset(self, state, resets, step):
        if len(state) != WIDTH:
            return super().reset(state, resets, step)
        return torch.where(resets[step], self.initial_state(WIDTH), state)


class DisturbsTheUnreset(Right):
    def reset(self, state, resets, step):
        return super().reset(0.9 * state, resets, step)


class LetsGradientsThrough(Right):
    def reset(self, state, resets, step):
        change = (self.initial_state(len(state)) - state).detach()
        return state + change * resets[step][:, None]


class CutsEverybodysGradients(Right):
    def reset(self, state, resets, step):
        state = super().reset(state, resets, step)
        return state.detach() if resets[step].any() else state


class IgnoresTime(Right):
    def times(self, x, timespans):
        return torch.ones_like(super().times(x, timespans))


class TakesTwoForNone(Right):
    def times(self, x, timespans):
        return super().times(x, 2.0 if timespans is None else timespans)


class TakesNoNumbers(Right):
    def times(self, x, timespans):
        return super().times(x, None if timespans is None else timespans[:])


class TakesTimesForEnvironments(Right):
    """Reads (T,) as (B,) where both fit."""

    def times(self, x, timespans):
        times = super().times(x, timespans)
        mistaken = timespans is not None and times.shape[:2] == (x.shape[1], 1)
        return times.reshape(1, -1, 1).expand(len(x), -1, 1) if mistaken else times


class MixesUpTheAxesOfTimes(Right):
    def times(self, x, timespans):
        times = super().times(x, timespans)
        return times.reshape(times.shape[1], -1, 1).transpose(0, 1)


class GivesTimesToNeurons(Right):
    """Broadcasts over the hidden units where there are as many environments."""

    def step(self, now, state, time):
        return super().step(now, state, time.T if len(time) == WIDTH else time)


class TakesTheNextTime(Right):
    def times(self, x, timespans):
        times = super().times(x, timespans)
        return torch.cat((times[1:], times[-1:]))


class BroadcastsWrongTimes(Right):
    def times(self, x, timespans):
        if isinstance(timespans, torch.Tensor) and len(timespans) != len(x):
            timespans = timespans.flatten()[0].expand(len(x))
        return super().times(x, timespans)


class StumblesOverWrongTimes(Right):
    def times(self, x, timespans):
        if isinstance(timespans, torch.Tensor):
            return timespans.reshape(len(x), -1, 1)
        return super().times(x, timespans)


class Wrong(NamedTuple):
    build: object
    rules: str  # separated by commas, the one that it is about first
    words: str


WRONG = [
    Wrong(Beginningless, "builds", "must offer `initial_state`"),
    Wrong(SqueezesTheBatch, "shapes", "outputs of the shape (1, 1, 3); got (1, 3)"),
    Wrong(SqueezesTime, "shapes", "x (1, 1, 4) must give outputs of the shape (1, 1"),
    Wrong(ReturnsAllStates, "shapes", "must return the pair (outputs, state after"),
    Wrong(ReturnsNoState, "shapes", "must return the pair (outputs, state after"),
    Wrong(PutsTheBatchSecond, "shapes", "must have the batch in dimension 0 of every"),
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
    Wrong(StartsElsewhere, "initial state", "must start from `initial_state(B)`"),
    Wrong(DetachesSteps, "sequence equals steps", "the gradients of 5 calls of one"),
    Wrong(
        ReturnsTheFirstState,
        "sequence equals steps,resets",
        "the states differ by up to",
    ),
    Wrong(LooksAhead, "sequence equals steps", "let no step look ahead"),
    Wrong(ForgetsEveryStep, "memory", "must depend on the first input"),
    Wrong(
        IgnoresTheStateGiven,
        "memory,sequence equals steps",
        "must depend on the state given",
    ),
    Wrong(ShowsTheLastState, "states", "(3, 6) instead of (5, 3, 6)"),
    Wrong(ShowsAListOfStates, "states", "(outputs, state, states after each step)"),
    Wrong(ShowsStatesBeforeSteps, "states", "the states of steps differ by up to"),
    Wrong(ShowsStatesWithoutResets, "states", "the states of steps differ by up to"),
    Wrong(ShowsStatesWithoutTimes, "states", "the states of steps differ by up to"),
    Wrong(SaysOtherThingsWithStates, "states", "the outputs differ by up to"),
    Wrong(TakesNoResets, "resets", "it takes ['x', 'state', 'timespans']"),
    Wrong(IgnoresResets, "resets", "`resets` change nothing, though some"),
    Wrong(ResetsAStepLate, "resets", "before that step"),
    Wrong(ResetsNothingAtTheStart, "resets", "Look at step 0"),
    Wrong(ResetsEverybody, "resets", "with some of the (T, B) = (5, 5)"),
    Wrong(ResetsToZeros, "resets", "starting that environment from `initial_state`"),
    Wrong(MixesUpTheAxesOfResets, "resets", "at which axis is which"),
    Wrong(ResetsNeurons, "resets", "with some of the (T, B) = (3, 6)"),
    Wrong(DisturbsTheUnreset, "resets", "that are all false must equal None"),
    Wrong(LetsGradientsThrough, "resets", "no gradient may flow back across a reset"),
    Wrong(CutsEverybodysGradients, "resets", "environments that are not reset"),
    Wrong(IgnoresTime, "timespans", "time must matter"),
    Wrong(TakesTwoForNone, "timespans", "None must equal 1"),
    Wrong(TakesNoNumbers, "timespans", "of x (4, 3, 4), timespans 1.0 raised TypeErr"),
    Wrong(TakesTimesForEnvironments, "timespans", "(T,) must equal (T, B) of it"),
    Wrong(MixesUpTheAxesOfTimes, "timespans", "its own `timespans` alone"),
    Wrong(GivesTimesToNeurons, "timespans", "environment 0 of (T, B) = (3, 6)"),
    Wrong(TakesTheNextTime, "timespans", "with `timespans` 5 steps in one call"),
    Wrong(BroadcastsWrongTimes, "timespans", "(3,) with (T, B) = (4, 3) must be refus"),
    Wrong(StumblesOverWrongTimes, "timespans", "it raised RuntimeError"),
]


@pytest.mark.parametrize(
    "build", [Right, RightWithParts, ShowsStates, ShowsStatesWithParts]
)
def test_right_network_passes(build):
    check_network(build)
    check_network(build, recurrent=True, in_features=1, out_features=1)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.build.__name__)
def test_wrong_network_is_caught_by_its_rule_alone(wrong):
    with pytest.raises(CheckError) as caught:
        check_network(wrong.build, recurrent=True)
    failures = caught.value.failures
    assert {failure.partition(": ")[0] for failure in failures} == {
        *wrong.rules.split(",")
    }
    assert wrong.words in str(caught.value)


def test_every_rule_about_a_state_has_a_wrong_network():
    about = {wrong.rules.partition(",")[0] for wrong in WRONG}
    assert about >= {rule.name for rule in STATE_RULES}
    assert about <= {rule.name for rule in (*NETWORK_RULES, *STATE_RULES)}


def test_all_faults_are_reported_at_once():
    class Hopeless(
        StartsInSinglePrecision,
        AveragesInputs,
        StartsElsewhere,
        IgnoresResets,
        TakesTwoForNone,
    ):
        pass

    with pytest.raises(CheckError) as caught:
        check_network(Hopeless)
    rules = [failure.partition(": ")[0] for failure in caught.value.failures]
    assert rules == [
        "dtype",
        "rows apart",
        "pickle",  # as it is a class of a function
        "initial state",
        "resets",
        "timespans",
    ]
