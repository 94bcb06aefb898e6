"""Recurrent networks that start episodes wrong."""

import torch
from toys.recurrent.right import WIDTH, Right, RightWithParts
from toys.wrong import Wrong


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


WRONG = [
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
]
