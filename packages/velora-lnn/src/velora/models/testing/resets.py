"""Rules about episodes that start inside a sequence."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from velora.models.testing.candidate import (
    Candidate,
    Run,
    differentiable,
    in_both_precisions,
)
from velora.models.testing.compare import difference, gradients
from velora.models.testing.state import State, leaf, name_parts, parts


@in_both_precisions
def resets(candidate: Candidate) -> Iterator[str]:
    """A reset starts an environment anew, before that step and for it alone."""
    network = candidate.network()
    if "resets" not in candidate.arguments(network):
        yield (
            "`forward_sequence` must take `resets`, (T, B) booleans, true where the "
            "state is the initial one before that step, as RecurrentPPO asks by name; "
            f"it takes {candidate.arguments(network)}."
        )
        return
    x, state = candidate.inputs(3), candidate.state(network, 3)
    never = torch.zeros(3, 3, dtype=torch.bool)
    got = candidate.run(network, x, state, resets=never).named
    expected = candidate.run(network, x, state).named
    if words := difference(got, expected, candidate.tolerance):
        yield f"`resets` that are all false must equal None: {words}."
    faults = list(_faults_of_values(candidate, network))
    yield from faults or _faults_of_gradients(candidate, network)


def _faults_of_values(candidate: Candidate, network: nn.Module) -> Iterator[str]:
    for steps, batch in candidate.awkward_sizes(network):
        x = candidate.inputs(batch, steps=steps)
        state = candidate.state(network, batch)
        some = candidate.resets(steps, batch)
        for words, given in (("some", some), ("all", torch.ones_like(some))):
            got = candidate.run(network, x, state, resets=given).named
            expected = _started_anew(candidate, network, x, state, given).named
            fault = difference(got, expected, candidate.tolerance)
            if not fault:
                continue
            without = candidate.run(network, x, state).named
            if not difference(got, without, candidate.tolerance):
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


def _faults_of_gradients(candidate: Candidate, network: nn.Module) -> Iterator[str]:
    steps, batch, reset = 4, 3, 2
    x = candidate.inputs(batch, steps=steps).requires_grad_()
    state = leaf(candidate.state(network, batch))
    given = torch.zeros(steps, batch, dtype=torch.bool)
    given[reset] = True
    y = candidate.run(network, x, state, resets=given).y
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
    given = candidate.resets(steps, batch)
    everything = differentiable(x, state, network)
    run = candidate.run(network, x, state, resets=given)
    got = gradients(run.named, everything)
    anew = _started_anew(candidate, network, x, state, given)
    expected = gradients(anew.named, everything)
    if words := difference(got, expected, candidate.tolerance):
        yield (
            "with `resets` gradients must be those of starting anew, and go on for "
            f"the environments that are not reset: {words}."
        )


def _started_anew(
    candidate: Candidate, network: nn.Module, x: Tensor, state: State, given: Tensor
) -> Run:
    """Puts the run together from those that start, without resets, at each step."""
    steps, batch = given.shape
    start = candidate.start(network, batch)
    runs = [(0, candidate.run(network, x, state))]  # with the step each starts at
    runs += [(k, candidate.run(network, x[k:], start)) for k in range(steps)]
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
