"""Rules about memory: the state that a recurrent network takes and gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.protocol import State, parts
from velora.models.testing.calling import calling
from velora.models.testing.differences import difference, same
from velora.models.testing.network.gradients import differentiable, gradients
from velora.models.testing.network.network_under_test import (
    NetworkUnderTest,
    Run,
    in_both_precisions,
)
from velora.models.testing.network.state import copied, leaf, name_parts

STEPS, BATCH = 5, 3


@in_both_precisions
def starts(subject: NetworkUnderTest) -> Iterator[str]:
    """Without a state a network starts from the initial one."""
    network, x = subject.network(), subject.inputs(BATCH)
    expected = subject.run(network, x, subject.start(network, BATCH)).named
    got = subject.run(network, x).named
    if words := difference(got, expected, subject.tolerance):
        yield (
            "`forward_sequence(x)` must start from `initial_state(B)`, as "
            f"`forward_sequence(x, initial_state(B))` does: {words}."
        )


@in_both_precisions
def steps_equal(subject: NetworkUnderTest) -> Iterator[str]:
    """A sequence equals its steps, and its pieces wherever it is cut."""
    yield from step_faults(subject, None)


def step_faults(subject: NetworkUnderTest, times: Tensor | None) -> Iterator[str]:
    """Compares a sequence with its pieces and steps, values and gradients.

    Args:
        subject: the network.
        times: (T, B) timespans of T = 5 steps of B = 3 environments, if any.
    """
    network = subject.network()
    x = subject.inputs(BATCH, steps=STEPS).requires_grad_()
    state = leaf(subject.state(network, BATCH))
    options = {} if times is None else {"timespans": times}
    whole = subject.run(network, x, state, **options).named
    ways = [([cut, STEPS - cut], f"{cut} and then") for cut in range(1, STEPS)]
    ways.append(([1] * STEPS, f"{STEPS} calls of"))
    for sizes, words in ways:
        pieces = _run_pieces(subject, network, x, state, times, sizes).named
        if fault := difference(whole, pieces, subject.tolerance):
            yield (
                f"{STEPS} steps in one call must equal {words} {sizes[-1]} from the "
                f"state returned: {fault}. Return the state after the last step, and "
                "let no step look ahead."
            )
            return
    wanted = differentiable(x, state, network)
    # The last pieces are the single steps.
    fault = difference(
        gradients(whole, wanted), gradients(pieces, wanted), subject.tolerance
    )
    if fault:
        yield (
            f"{STEPS} steps in one call must have the gradients of {STEPS} calls of "
            f"one step: {fault}. Look for a `detach` between steps, or a written "
            "backward that is wrong."
        )


def remembers(subject: NetworkUnderTest) -> Iterator[str]:
    """The last output depends on the first input and on the state given."""
    network = subject.network()
    x, state = subject.inputs(BATCH), subject.state(network, BATCH)
    last = {"it": subject.run(network, x, state).y[-1]}
    other = torch.cat((subject.inputs(BATCH, seed=7)[:1], x[1:]))
    if same(last, {"it": subject.run(network, other, state).y[-1]}):
        yield (
            "the last output must depend on the first input; with another one it is "
            "the same. Hand the state from step to step, or register the network with "
            "recurrent=False."
        )
    start = subject.start(network, BATCH)
    if same(last, {"it": subject.run(network, x, start).y[-1]}):
        yield (
            "the last output must depend on the state given; from the initial state "
            "it is the same. Start from the second argument of `forward_sequence`."
        )


@in_both_precisions
def shown(subject: NetworkUnderTest) -> Iterator[str]:
    """With `return_states`, where it is taken, a call gives the states after each step.

    All else that it gives stays, whatever its other arguments are.
    """
    network: Any = subject.network()
    if not subject.takes(network, "return_states"):
        return
    x, state = subject.inputs(BATCH, steps=STEPS), subject.state(network, BATCH)
    options = {
        "resets": subject.resets(STEPS, BATCH),
        "timespans": subject.times(STEPS, BATCH),
    }
    options = {
        name: given for name, given in options.items() if subject.takes(network, name)
    }
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
        runs.append(subject.run(network, x[:end], state, **until))
    each = zip(*(parts(run.state) for run in runs), strict=True)
    after = tuple(map(torch.stack, each))
    fault = difference(
        Run(got[0], got[1]).named | name_parts("the states of steps", states),
        runs[-1].named
        | name_parts(
            "the states of steps", after if isinstance(state, tuple) else after[0]
        ),
        subject.tolerance,
    )
    if fault:
        yield (
            f"with return_states=True and {list(options)} outputs and state must stay "
            "what they are without, and the states be those after each step, the steps "
            f"in dimension 0: {fault}."
        )


def _run_pieces(
    subject: NetworkUnderTest,
    network: nn.Module,
    x: Tensor,
    state: State | None,
    times: Tensor | None,
    sizes: list[int],
) -> Run:
    """Runs pieces of a sequence one after another, from state to state."""
    outputs, start = [], 0
    for size in sizes:
        piece = slice(start, start + size)
        options = {} if times is None else {"timespans": times[piece]}
        y, state = subject.run(network, x[piece], state, **options)
        outputs.append(y)
        start += size
    return Run(torch.cat(outputs), state)
