"""Recurrent networks that show wrong states of their steps."""

import torch
from toys.recurrent.right import ShowsStates
from toys.wrong import Wrong


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


WRONG = [
    Wrong(ShowsTheLastState, "states", "(3, 6) instead of (5, 3, 6)"),
    Wrong(ShowsAListOfStates, "states", "(outputs, state, states after each step)"),
    Wrong(ShowsStatesBeforeSteps, "states", "the states of steps differ by up to"),
    Wrong(ShowsStatesWithoutResets, "states", "the states of steps differ by up to"),
    Wrong(ShowsStatesWithoutTimes, "states", "the states of steps differ by up to"),
    Wrong(SaysOtherThingsWithStates, "states", "the outputs differ by up to"),
]
