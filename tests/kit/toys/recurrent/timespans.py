"""Recurrent networks that take time wrong."""

import torch
from toys.recurrent.right import WIDTH, Right
from toys.wrong import Wrong


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


WRONG = [
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
