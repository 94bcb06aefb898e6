"""One run over sequences: what it is, training, and the test at its best epoch."""

from __future__ import annotations

import copy
import json
import math
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common import sequence_rows, sequence_tasks
from common.sequence_rows import MAKE, sizes
from common.sequence_tasks import TASKS, Sequences
from common.versions import digest, installed, switches, versions

BATCH = 32
MOST = 1.0  # norm of a gradient


@dataclass(frozen=True)
class SequenceJob:
    """A row that learns a task: a job of the runner.

    Attributes:
        task: Of `TASKS`.
        row: Of `MAKE`.
        seed: Of the first weights and of the order.
        rate: Adam's learning rate.
        epochs: At most.
        minutes: After which it ends, if any.
        scale: Of the number of sequences.
        file: The recordings of the task, if any; its name has their checksum.
    """

    task: str
    row: str
    seed: int
    rate: float
    epochs: int
    minutes: float | None = None
    scale: float = 1.0
    file: Path | None = None

    @property
    def label(self) -> dict[str, Any]:
        """Which line of the table it is of, and which seed."""
        names = ("task", "row", "rate", "seed")
        return {name: getattr(self, name) for name in names}

    @property
    def key(self) -> dict[str, Any]:
        """All settings, and what computes."""
        computes = dict(versions()) | switches()
        if self.row.startswith("ncps"):
            computes["ncps"] = installed("ncps")
        modules = [m.__name__ for m in (sequence_rows, sequence_tasks)]
        key = vars(self) | {
            "file": self.file and self.file.name,
            "versions": computes | {"training": digest([__name__, *modules])},
        }
        return json.loads(json.dumps(key))  # type: ignore[no-any-return]  # a dict, as the key is


def train(job: SequenceJob) -> dict[str, Any]:
    """Trains, and tests what had the least validation error after an epoch."""
    task = TASKS[job.task]
    training, validation, test = task.make(job.file, job.scale)
    torch.set_flush_denormal(True)  # to which gradients fade over a hundred steps
    torch.manual_seed(job.seed)
    model = MAKE[job.row](task.inputs, task.outputs)
    adam = torch.optim.Adam(model.parameters(), job.rate)
    until = math.inf if job.minutes is None else time.perf_counter() + 60 * job.minutes
    best, at, weights = math.inf, 0, model.state_dict()
    curve, seconds = [], []
    for _ in range(job.epochs):
        start = time.process_time()
        go_through(model, training, adam)
        seconds.append(time.process_time() - start)
        curve.append(error_of(model, validation))
        if curve[-1] < best:
            best, at = curve[-1], len(curve)
            weights = copy.deepcopy(model.state_dict())
        if time.perf_counter() > until:
            break
    torch.set_flush_denormal(False)
    model.load_state_dict(weights)
    return {
        "test": error_of(model, test),
        "repeating": test.error(test.x[..., : task.outputs]),
        "validation": best,
        "best epoch": at,
        "epochs": len(curve),
        "s/epoch": statistics.median(seconds),
        "curve": curve,
    } | sizes(job.row, model)


def go_through(model: nn.Module, data: Sequences, adam: torch.optim.Adam) -> None:
    """Learns from each sequence once, in a random order."""
    model.train()
    for rows in torch.randperm(len(data.x)).split(BATCH):
        loss = data.loss(model(data.x[rows], data.times[rows]), rows)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MOST)
        adam.step()


@torch.no_grad()
def error_of(model: nn.Module, data: Sequences) -> float:
    """Returns the error over all sequences."""
    model.eval()
    return data.error(model(data.x, data.times))
