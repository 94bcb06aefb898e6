"""Tasks of sequences: a walker with frames missing, sines at odd times, and copying.

Times are until the next step, at which the next value is asked for, so that whoever
predicts knows how far ahead. All is drawn from one seed, the same for every row and
run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from common.walker import load, recorded

SEED = 0
STEPS = 64  # of a sequence that is predicted
SIZES = (1024, 128, 256)  # sequences that are drawn, to train, to choose and to test
DROPPED = 0.1  # of the walker's frames
SINES = 3
PERIODS = (8.0, 40.0)
SYMBOLS, SHOWN, DELAY = 8, 3, 100  # of the copy
MUJOCO = 'Walker2d needs `pip install "gymnasium[mujoco]"`.'


@dataclass(frozen=True)
class Sequences:
    """Sequences of one length.

    Attributes:
        x: (N, T, F) inputs.
        times: (N, T) times until the next step.
        y: (N, A, O) values or (N, A) symbols, the answers at the last A steps.
    """

    x: Tensor
    times: Tensor
    y: Tensor

    def loss(self, said: Tensor, rows: Tensor) -> Tensor:
        """Returns the loss of (B, T, O) outputs for some of the sequences."""
        said, y = said[:, -self.y.shape[1] :], self.y[rows]
        if self.y.is_floating_point():
            return functional.mse_loss(said, y)
        return functional.cross_entropy(said.flatten(0, 1), y.flatten())

    def error(self, said: Tensor) -> float:
        """Returns the mean squared error of all, or the share of wrong symbols."""
        said = said[:, -self.y.shape[1] :]
        if self.y.is_floating_point():
            return float(functional.mse_loss(said, self.y))
        return float((said.argmax(-1) != self.y).float().mean())


@dataclass(frozen=True)
class Task:
    """What is learned.

    Attributes:
        make: Makes the sequences to train, to choose the epoch by and to test, of the
            file of recordings, if any, and a scale of how many.
        inputs: Features F of a step.
        outputs: Numbers O that are answered.
        measure: What the score is.
        recorded: Makes the file of recordings in a folder, at a scale, if any.
        missing: What it needs that is not here.
    """

    make: Callable[[Path | None, float], list[Sequences]]
    inputs: int
    outputs: int
    measure: str = "MSE"
    recorded: Callable[[Path, float], Path] | None = None
    missing: str = ""

    def score(self, error: float) -> float:
        """Returns what an error is in the measure."""
        return 1 - error if self.measure == "accuracy" else error


def walker(file: Path | None, scale: float) -> list[Sequences]:
    """Predict what a walker's sensors show next, a tenth of the frames missing.

    Two sequences a rollout; all of a rollout is for training, or else for one of the
    other two. Numbers are in standard deviations of those for training.

    Source: after Hasani et al. 2022, "Closed-form continuous-time neural networks".
    """
    if file is None:
        raise ValueError("`file` must be that of the recordings; got None.")
    rng = np.random.default_rng(SEED)
    frames = load(file)
    frames = frames[rng.permutation(len(frames))]
    whole = 2 * STEPS + 1
    kept = rng.random(frames.shape[:2]) >= DROPPED
    enough = kept.sum(1) >= whole  # all but very few
    frames, kept = frames[enough], kept[enough]
    at = np.stack([np.flatnonzero(row)[:whole] for row in kept])
    seen = np.take_along_axis(frames, at[..., None], axis=1)
    first, second = (int(share * len(seen)) for share in (0.75, 0.83))
    mean, spread = seen[:first].mean((0, 1)), seen[:first].std((0, 1))
    seen = (seen - mean) / spread
    return [
        _predicted(seen[part], at[part])
        for part in (slice(first), slice(first, second), slice(second, None))
    ]


def _predicted(seen: np.ndarray, at: np.ndarray) -> Sequences:
    """Cuts (N, n · STEPS + 1, F) values at (N, n · STEPS + 1) times into sequences."""
    return Sequences(
        torch.from_numpy(seen[:, :-1]).float().reshape(-1, STEPS, seen.shape[-1]),
        torch.from_numpy(np.diff(at)).float().reshape(-1, STEPS),
        torch.from_numpy(seen[:, 1:]).float().reshape(-1, STEPS, seen.shape[-1]),
    )


def sines(file: Path | None, scale: float) -> list[Sequences]:
    """Predict the next value of three sines, seen at irregular times.

    Times between are uniform in 0.1 to 1.9, periods in 8 to 40.
    """
    rng = np.random.default_rng(SEED)
    found = []
    for number in _numbers(scale):
        at = rng.uniform(0.1, 1.9, (number, STEPS + 1)).cumsum(1)[..., None]
        shape = (number, 1, SINES)
        periods, phases = rng.uniform(*PERIODS, shape), rng.uniform(0, 1, shape)
        sizes = rng.uniform(0.5, 1, shape)
        values = sizes * np.sin(2 * np.pi * (at / periods + phases))
        found.append(_predicted(values.sum(-1, keepdims=True), at[..., 0]))
    return found


def copy(file: Path | None, scale: float) -> list[Sequences]:
    """Say the three symbols of eight that were shown a hundred steps before.

    A symbol is one of eight inputs; after three of them all are zero, until the ninth
    asks for the answers. It is the first steps that are answered, in their order.

    Source: after Hochreiter and Schmidhuber 1997, "Long short-term memory".
    """
    rng = np.random.default_rng(SEED)
    found = []
    for number in _numbers(scale):
        y = torch.from_numpy(rng.integers(SYMBOLS, size=(number, SHOWN)))
        x = torch.zeros(number, DELAY + SHOWN, SYMBOLS + 1)
        x[:, :SHOWN, :SYMBOLS] = functional.one_hot(y, SYMBOLS)
        x[:, DELAY:, SYMBOLS] = 1
        found.append(Sequences(x, torch.ones(x.shape[:2]), y))
    return found


def _numbers(scale: float) -> list[int]:
    return [max(int(scale * size), 2) for size in SIZES]


TASKS = {
    "Walker2d": Task(
        walker,
        17,
        17,
        recorded=recorded,
        missing="" if find_spec("mujoco") else MUJOCO,
    ),
    "sines": Task(sines, 1, 1),
    "copy": Task(copy, SYMBOLS + 1, SYMBOLS, measure="accuracy"),
}
