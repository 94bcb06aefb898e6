"""Recurrent networks whose memory is wrong."""

import torch
from toys.recurrent.right import Right
from toys.wrong import Wrong


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


WRONG = [
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
]
