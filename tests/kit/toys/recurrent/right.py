"""Recurrent networks that are right."""

import torch
from torch import nn

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
