"""Rules about the state of a recurrent network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.testing.candidate import (
    Candidate,
    Run,
    calling,
    differentiable,
    in_both_precisions,
)
from velora.models.testing.compare import difference, gradients, same
from velora.models.testing.state import State, copied, leaf, name_parts, parts

STEPS, BATCH = 5, 3


@in_both_precisions
def starts(candidate: Candidate) -> Iterator[str]:
    """Without a state a network starts from the initial one."""
    network, x = candidate.network(), candidate.inputs(BATCH)
    expected = candidate.run(network, x, candidate.start(network, BATCH)).named
    got = candidate.run(network, x).named
    if words := difference(got, expected, candidate.tolerance):
        yield (
            "`forward_sequence(x)` must start from `initial_state(B)`, as "
            f"`forward_sequence(x, initial_state(B))` does: {words}."
        )


@in_both_precisions
def steps_equal(candidate: Candidate) -> Iterator[str]:
    """A sequence equals its steps, and its parts wherever it is cut."""
    yield from step_faults(candidate, None)


def step_faults(candidate: Candidate, times: Tensor | None) -> Iterator[str]:
    """Compares a sequence with its parts and steps, values and gradients.

    Args:
        candidate: the network.
        times: (T, B) timespans of T = 5 steps of B = 3 environments, if any.
    """
    network = candidate.network()
    x = candidate.inputs(BATCH, steps=STEPS).requires_grad_()
    state = leaf(candidate.state(network, BATCH))
    options = {} if times is None else {"timespans": times}
    whole = candidate.run(network, x, state, **options).named
    ways = [([cut, STEPS - cut], f"{cut} and then") for cut in range(1, STEPS)]
    ways.append(([1] * STEPS, f"{STEPS} calls of"))
    for sizes, words in ways:
        parts = _run_parts(candidate, network, x, state, times, sizes).named
        if fault := difference(whole, parts, candidate.tolerance):
            yield (
                f"{STEPS} steps in one call must equal {words} {sizes[-1]} from the "
                f"state returned: {fault}. Return the state after the last step, and "
                "let no step look ahead."
            )
            return
    wanted = differentiable(x, state, network)
    # The last parts are the single steps.
    fault = difference(
        gradients(whole, wanted), gradients(parts, wanted), candidate.tolerance
    )
    if fault:
        yield (
            f"{STEPS} steps in one call must have the gradients of {STEPS} calls of "
            f"one step: {fault}. Look for a `detach` between steps, or a written "
            "backward that is wrong."
        )


def remembers(candidate: Candidate) -> Iterator[str]:
    """The last output depends on the first input and on the state given."""
    network = candidate.network()
    x, state = candidate.inputs(BATCH), candidate.state(network, BATCH)
    last = {"it": candidate.run(network, x, state).y[-1]}
    other = torch.cat((candidate.inputs(BATCH, seed=7)[:1], x[1:]))
    if same(last, {"it": candidate.run(network, other, state).y[-1]}):
        yield (
            "the last output must depend on the first input; with another one it is "
            "the same. Hand the state from step to step, or register the network with "
            "recurrent=False."
        )
    start = candidate.start(network, BATCH)
    if same(last, {"it": candidate.run(network, x, start).y[-1]}):
        yield (
            "the last output must depend on the state given; from the initial state "
            "it is the same. Start from the second argument of `forward_sequence`."
        )


@in_both_precisions
def shown(candidate: Candidate) -> Iterator[str]:
    """With `return_states`, where it is taken, a call gives the states after each step.

    All else that it gives stays, whatever its other arguments are.
    """
    network: Any = candidate.network()
    taken = candidate.arguments(network)
    if "return_states" not in taken:
        return
    x, state = candidate.inputs(BATCH, steps=STEPS), candidate.state(network, BATCH)
    options = {
        "resets": candidate.resets(STEPS, BATCH),
        "timespans": candidate.times(STEPS, BATCH),
    }
    options = {name: given for name, given in options.items() if name in taken}
    with calling(f"`forward_sequence` with return_states=True and {list(options)}"):
        got = network.forward_sequence(x, copied(state), **options, return_states=True)
    states = got[2] if isinstance(got, tuple) and len(got) == 3 else None
    alike = isinstance(states, tuple) == isinstance(state, tuple)
    if not alike or not all(isinstance(part, Tensor) for part in parts(states)):
        yield (
            "with return_states=True `forward_sequence` must return (outputs, state, "
            "states after each step), the latter of the form of the state, with the "
            "steps in dimension 0 of every part."
        )
        return
    runs = []
    for end in range(1, STEPS + 1):
        until = {name: given[:end] for name, given in options.items()}
        runs.append(candidate.run(network, x[:end], state, **until))
    each = zip(*(parts(run.state) for run in runs), strict=True)
    after = tuple(map(torch.stack, each))
    fault = difference(
        Run(got[0], got[1]).named | name_parts("the states of steps", states),
        runs[-1].named
        | name_parts(
            "the states of steps", after if isinstance(state, tuple) else after[0]
        ),
        candidate.tolerance,
    )
    if fault:
        yield (
            f"with return_states=True and {list(options)} outputs and state must stay "
            "what they are without, and the states be those after each step, the steps "
            f"in dimension 0: {fault}."
        )


def _run_parts(
    candidate: Candidate,
    network: nn.Module,
    x: Tensor,
    state: State,
    times: Tensor | None,
    sizes: list[int],
) -> Run:
    """Runs parts of a sequence one after another, from state to state."""
    outputs, start = [], 0
    for size in sizes:
        part = slice(start, start + size)
        options = {} if times is None else {"timespans": times[part]}
        y, state = candidate.run(network, x[part], state, **options)
        outputs.append(y)
        start += size
    return Run(torch.cat(outputs), state)
