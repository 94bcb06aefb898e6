"""Rules about resets: episodes that start inside a sequence."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from velora.models.protocol import State, parts
from velora.models.testing.differences import difference
from velora.models.testing.network.gradients import differentiable, gradients
from velora.models.testing.network.network_under_test import (
    NetworkUnderTest,
    Run,
    in_both_precisions,
)
from velora.models.testing.network.state import leaf, name_parts


@in_both_precisions
def resets(subject: NetworkUnderTest) -> Iterator[str]:
    """A reset starts an environment anew, before that step and for it alone."""
    network = subject.network()
    if not subject.takes(network, "resets"):
        yield (
            "`forward_sequence` must take `resets`, (T, B) booleans, true where the "
            "state is the initial one before that step, as RecurrentPPO asks by name; "
            f"it takes {list(inspect.signature(network.forward_sequence).parameters)}."
        )
        return
    x, state = subject.inputs(3), subject.state(network, 3)
    never = torch.zeros(3, 3, dtype=torch.bool)
    got = subject.run(network, x, state, resets=never).named
    expected = subject.run(network, x, state).named
    if words := difference(got, expected, subject.tolerance):
        yield f"`resets` that are all false must equal None: {words}."
    faults = list(_faults_of_values(subject, network))
    yield from faults or _faults_of_gradients(subject, network)


def _faults_of_values(subject: NetworkUnderTest, network: nn.Module) -> Iterator[str]:
    for steps, batch in subject.awkward_sizes(network):
        x = subject.inputs(batch, steps=steps)
        state = subject.state(network, batch)
        some = subject.resets(steps, batch)
        for words, given in (("some", some), ("all", torch.ones_like(some))):
            got = subject.run(network, x, state, resets=given).named
            expected = _started_anew(subject, network, x, state, given).named
            fault = difference(got, expected, subject.tolerance)
            if not fault:
                continue
            without = subject.run(network, x, state).named
            if not difference(got, without, subject.tolerance):
                yield (
                    f"`resets` change nothing, though {words} of them are true: the "
                    "outputs and the state are those without. Is the argument used?"
                )
            else:
                yield (
                    f"with {words} of the (T, B) = {(steps, batch)} `resets` true, "
                    "each must equal starting that environment from `initial_state` "
                    f"before that step: {fault}. Look at step 0, where the state given "
                    "is reset as well, and at which axis is which."
                )
            return


def _faults_of_gradients(
    subject: NetworkUnderTest, network: nn.Module
) -> Iterator[str]:
    steps, batch, reset = 4, 3, 2
    x = subject.inputs(batch, steps=steps).requires_grad_()
    state = leaf(subject.state(network, batch))
    given = torch.zeros(steps, batch, dtype=torch.bool)
    given[reset] = True
    y = subject.run(network, x, state, resets=given).y
    wanted = {"the inputs": x, **name_parts("the state given", state)}
    wanted = {name: tensor for name, tensor in wanted.items() if tensor.requires_grad}
    for name, grad in gradients({"the outputs": y[reset:]}, wanted).items():
        before = grad[:reset] if name.endswith("the inputs") else grad
        if before.any():
            yield (
                f"no gradient may flow back across a reset; {name} before it are not "
                "zero. Replace the state by `initial_state` (`torch.where`), so that "
                "nothing of the old one is left."
            )
            return
    given = subject.resets(steps, batch)
    everything = differentiable(x, state, network)
    run = subject.run(network, x, state, resets=given)
    got = gradients(run.named, everything)
    anew = _started_anew(subject, network, x, state, given)
    expected = gradients(anew.named, everything)
    if words := difference(got, expected, subject.tolerance):
        yield (
            "with `resets` gradients must be those of starting anew, and go on for "
            f"the environments that are not reset: {words}."
        )


def _started_anew(
    subject: NetworkUnderTest,
    network: nn.Module,
    x: Tensor,
    state: State | None,
    given: Tensor,
) -> Run:
    """Puts the run together from those that start, without resets, at each step."""
    steps, batch = given.shape
    start = subject.start(network, batch)
    runs = [(0, subject.run(network, x, state))]  # with the step each starts at
    runs += [(k, subject.run(network, x[k:], start)) for k in range(steps)]
    chosen = [0] * batch
    outputs = []
    for step in range(steps):
        chosen = [
            step + 1 if reset else run
            for run, reset in zip(chosen, given[step].tolist(), strict=True)
        ]
        rows = [runs[run][1].y[step - runs[run][0], b] for b, run in enumerate(chosen)]
        outputs.append(torch.stack(rows))
    after = tuple(
        torch.stack([of_runs[run][b] for b, run in enumerate(chosen)])
        for of_runs in zip(*(parts(run.state) for _, run in runs), strict=True)
    )
    return Run(torch.stack(outputs), after if isinstance(state, tuple) else after[0])
