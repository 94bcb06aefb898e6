"""Who runs over sequences, side by side: forward and backward, and their times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from common.backends import backend


class Twin(nn.Module):
    """The dense network with an LSTM in the place of the liquid cell.

    Linear → Mish → LSTM → Linear; `stepped` calls the LSTM for each step.
    """

    def __init__(
        self, inputs: int, inter: int, hidden: int, outputs: int, *, stepped: bool
    ) -> None:
        super().__init__()
        self.inter = nn.Sequential(nn.Linear(inputs, inter), nn.Mish())
        self.lstm = nn.LSTM(inter, hidden)
        self.motor = nn.Linear(hidden, outputs)
        self.stepped = stepped

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102  # the class says it
        x = self.inter(x)
        if not self.stepped:
            return self.motor(self.lstm(x)[0])
        state, outputs = None, []
        for row in x.split(1):
            y, state = self.lstm(row, state)
            outputs.append(y)
        return self.motor(torch.cat(outputs))


@dataclass
class Contender:
    """A network and how it runs over a (T, B, F) sequence.

    Attributes:
        network: The module whose gradients are computed.
        forward: From (T, B, F) inputs to outputs.
        backend: What `VELORA_SCAN` is while it runs, if anything.
        in_a_row: How many runs a round times, after one that warms up; 1 is not
            warmed up, for what takes seconds.
    """

    network: nn.Module
    forward: Callable[[Tensor], Tensor]
    backend: str | None = None
    in_a_row: int = 3


def medians(
    contenders: Mapping[str, Contender], x: Tensor, rounds: int
) -> dict[str, float]:
    """Returns the median microseconds a step of each, who take turns."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            times[name].append(_seconds(contender, x))
    return {
        name: 1e6 * statistics.median(values) / len(x) for name, values in times.items()
    }


def _seconds(contender: Contender, x: Tensor) -> float:
    """Returns the time of one forward and backward."""
    n, warm_up = contender.in_a_row, int(contender.in_a_row > 1)
    with backend(contender.backend):
        for run in range(n + warm_up):
            if run == warm_up:
                start = time.perf_counter()
            contender.network.zero_grad()
            contender.forward(x).square().mean().backward()
            if x.device.type == "cuda":
                torch.cuda.synchronize(x.device)
        return (time.perf_counter() - start) / n
