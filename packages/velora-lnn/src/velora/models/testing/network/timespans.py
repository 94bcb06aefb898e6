"""Rules about timespans: time that passes at its own pace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.testing.differences import difference, same
from velora.models.testing.network.memory import BATCH, STEPS, step_faults
from velora.models.testing.network.network_under_test import (
    NetworkUnderTest,
    Run,
    in_both_precisions,
)


@in_both_precisions
def timespans(subject: NetworkUnderTest) -> Iterator[str]:
    """Times since the last step mean what their shape says, where they are taken."""
    network = subject.network()
    if not subject.takes(network, "timespans"):
        return
    yield from _faults_of_shapes(subject, network)
    yield from _faults_of_axes(subject, network)
    if not any(step_faults(subject, None)):  # which is reported already
        for fault in step_faults(subject, subject.times(STEPS, BATCH)):
            yield f"with `timespans` {fault}"
    yield from _faults_of_refusal(subject, network)
    x = subject.inputs(3)
    short, long = (_run(subject, network, x, time) for time in (0.1, 10.0))
    if same(short.named, long.named):
        yield (
            "time must matter; 0.1 and 10 give the same outputs. Let the cell use "
            "`timespans`, or leave the argument out of `forward_sequence`."
        )


def _faults_of_shapes(subject: NetworkUnderTest, network: nn.Module) -> Iterator[str]:
    """Compares shapes that say the same, also where (T,) could be taken for (B,)."""
    for steps, batch in ((4, 3), (4, 4)):
        x = subject.inputs(batch, steps=steps)
        half = torch.full((steps, batch), 0.5, dtype=subject.dtype)
        varied = subject.times(steps)
        own = subject.times(steps, batch)
        for words, given, expected in (
            ("None must equal 1", None, 1.0),
            ("a number must equal (T, B) of it", 0.5, half),
            ("a number must equal (T,) of it", 0.5, half[:, 0]),
            ("(T,) must equal (T, B) of it", varied, varied[:, None].repeat(1, batch)),
            ("(T, B, 1) must equal (T, B)", own[..., None], own),
        ):
            got = _run(subject, network, x, given).named
            wanted = _run(subject, network, x, expected).named
            if fault := difference(got, wanted, subject.tolerance):
                yield (
                    f"`timespans` of {words}, with (T, B) = {(steps, batch)}: {fault}."
                )
                return


def _faults_of_axes(subject: NetworkUnderTest, network: nn.Module) -> Iterator[str]:
    """Gives every environment the times of one, which must change nothing for it."""
    for steps, batch in subject.awkward_sizes(network):
        x = subject.inputs(batch, steps=steps)
        times = subject.times(steps, batch)
        mixed = _run(subject, network, x, times)
        for row in sorted({0, batch // 2, batch - 1}):
            of_one = times[:, [row]].repeat(1, batch)
            got = _run(subject, network, x, of_one)
            fault = difference(
                {"the outputs": mixed.y[:, row]},
                {"the outputs": got.y[:, row]},
                subject.tolerance,
            )
            if fault:
                yield (
                    f"environment {row} of (T, B) = {(steps, batch)} must depend on "
                    f"its own `timespans` alone: {fault}. Look at the axis along which "
                    "times are broadcast: a step's (B,) belongs to (B, H) as (B, 1)."
                )
                return


def _faults_of_refusal(subject: NetworkUnderTest, network: nn.Module) -> Iterator[str]:
    steps, batch = 4, 3
    x = subject.inputs(batch, steps=steps)
    sequence: Any = getattr(network, "forward_sequence", None)
    for shape in ((batch,), (batch, steps), (steps, batch, 2)):
        try:
            sequence(x, timespans=subject.times(*shape))
            got = "it was taken"
        except ValueError:
            continue
        except Exception as error:
            got = f"it raised {type(error).__name__}"
        yield (
            f"`timespans` of the wrong shape {shape} with (T, B) = {(steps, batch)} "
            f"must be refused with a ValueError; {got}. Check the shape before use: a "
            "number, (T,), (T, B) or (T, B, 1)."
        )
        return


def _run(
    subject: NetworkUnderTest,
    network: nn.Module,
    x: Tensor,
    times: Tensor | float | None,
) -> Run:
    return subject.run(network, x, timespans=times)
