"""Networks of plugins that exist for the tests alone, right ones and wrong ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from velora.plugins import networks


def dense(in_features: int, out_features: int, *, device: Any = None) -> nn.Module:
    """Builds a network without a state."""
    return nn.Linear(in_features, out_features, device=device)


class Value(nn.Module):
    """Has "value" in the names of its parameters."""

    def __init__(self, in_features: int, out_features: int, device: Any = None) -> None:
        super().__init__()
        self.value = nn.Linear(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.value(x)


class Windowed(nn.Module):
    """Is for windows alone: it takes no resets. Its state is of two tensors."""

    def __init__(self, in_features: int, out_features: int, hidden: int = 5) -> None:
        super().__init__()
        self.lstm = nn.LSTM(in_features, hidden)
        self.out = nn.Linear(hidden, out_features)

    def initial_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        zeros = self.out.weight.new_zeros(batch_size, self.lstm.hidden_size)
        return zeros, zeros

    def forward_sequence(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Any]:
        y, state = self.lstm(
            x, None if state is None else tuple(s[None] for s in state)
        )
        return self.out(y), state


class Pair(nn.Module):
    """Has an LSTM's state and a slow trace, of different shapes."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(in_features, 5)
        self.slow = nn.Linear(5, 3)
        self.out = nn.Linear(8, out_features)

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        zeros = self.out.weight.new_zeros
        return zeros(batch_size, 2, 5), zeros(batch_size, 3)

    def forward_sequence(
        self, x: Tensor, state: Any = None, *, resets: Any = None, timespans: Any = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        start = self.initial_state(x.shape[1])
        lstm, trace = start if state is None else state
        outputs = []
        for step, now in enumerate(x):
            if resets is not None:
                lstm = torch.where(resets[step, :, None, None], start[0], lstm)
                trace = torch.where(resets[step, :, None], start[1], trace)
            lstm = torch.stack(self.cell(now, (lstm[:, 0], lstm[:, 1])), dim=1)
            time = 1 if timespans is None else timespans[step, :, None]
            trace = trace + 0.1 * time * (self.slow(lstm[:, 0]) - trace)
            outputs.append(self.out(torch.cat((lstm[:, 0], trace), dim=1)))
        return torch.stack(outputs), (lstm, trace)


class Learned(Pair):
    """Starts an episode from a state that is a parameter."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.start = nn.Parameter(torch.ones(3))

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        return super().initial_state(batch_size)[0], self.start.expand(batch_size, 3)


class Counter(nn.Linear):
    """Counts the steps of an episode: its state has the shape (B,)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features + 1, out_features)

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size)

    def forward_sequence(self, x: Tensor, state: Any, *, resets: Any) -> Any:
        inputs = []
        for now, reset in zip(x, resets, strict=True):
            state = torch.where(reset, 0, state) + 1
            inputs.append(torch.cat((now, 0.1 * state[:, None]), dim=1))
        return self(torch.stack(inputs)), state


class Shown(Pair):
    """Gives the states of all steps where it is asked for them."""

    def forward_sequence(  # type: ignore[override]  # it returns more
        self,
        x: Tensor,
        state: Any = None,
        *,
        resets: Any = None,
        timespans: Any = None,
        return_states: bool = False,
    ) -> Any:
        options = {"resets": resets, "timespans": timespans}
        outputs, states = [], []
        for n in range(len(x)):
            now = {k: v if v is None else v[n, None] for k, v in options.items()}
            y, state = super().forward_sequence(x[n, None], state, **now)
            outputs.append(y)
            states.append(state)
        result = torch.cat(outputs), state
        if not return_states:
            return result
        return *result, tuple(map(torch.stack, zip(*states, strict=True)))


class Misshown(Pair):
    def forward_sequence(  # type: ignore[override]  # what is tested
        self, x: Tensor, state: Any = None, *, resets: Any, return_states: bool = False
    ) -> Any:
        y, state = super().forward_sequence(x, state, resets=resets)
        return (y, state, state) if return_states else (y, state)


class Beginningless(Pair):
    initial_state: Any = None


class Stateless(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        return super().forward_sequence(x, state, resets=resets)[0]


class StateSecond(Pair):
    """Has a state as PyTorch's LSTM has it, with the batch in the second dimension."""

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        return tuple(part[None] for part in super().initial_state(batch_size))


class Unresettable(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None) -> Any:  # type: ignore[override]  # what is tested
        return super().forward_sequence(x, state)


class Growing(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        y, (lstm, trace) = super().forward_sequence(x, state, resets=resets)
        return y, (lstm, torch.cat((trace, trace), dim=1))


class BatchFirst(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        y, state = super().forward_sequence(x, state, resets=resets)
        return y.transpose(0, 1), state


class Listed(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        y, state = super().forward_sequence(x, state, resets=resets)
        return y, list(state)


class ListedStart(Pair):
    def initial_state(self, batch_size: int) -> Any:
        return [super().initial_state(batch_size)[1]]


class Brained(Pair):
    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        return tuple(part.bfloat16() for part in super().initial_state(batch_size))


class Rounded(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        y, (lstm, trace) = super().forward_sequence(x, state, resets=resets)
        return y, (lstm, trace.round().long())


class Timeless(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        y, state = super().forward_sequence(x, state, resets=resets)
        return y[-1], state


class Secretive(Pair):
    def forward_sequence(  # type: ignore[override]  # what is tested
        self, x: Tensor, state: Any = None, *, resets: Any, return_states: bool = False
    ) -> Any:
        return super().forward_sequence(x, state, resets=resets)


RECURRENT = (Windowed, Pair, Learned, Counter, Shown, Misshown, Beginningless)
RECURRENT += (Unresettable, Growing, BatchFirst, Listed, ListedStart, Timeless)
RECURRENT += (Secretive,)


def register() -> None:
    """Registers them, as plugins would, from the running program: "test-pair"."""
    networks().add("test-dense", dense, override=True)
    for kind in RECURRENT:
        name = f"test-{kind.__name__.lower()}"
        networks().add(name, kind, recurrent=True, override=True)
