"""Rules about a call: what it returns, and that it is a function of its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.protocol import State, parts
from velora.models.testing.differences import difference, same
from velora.models.testing.network.network_under_test import (
    NetworkUnderTest,
    in_both_precisions,
)
from velora.models.testing.network.state import copied, mapped, name_parts


def shapes(subject: NetworkUnderTest) -> Iterator[str]:
    """Outputs and states have the shapes that Velora relies on."""
    network = subject.network()
    if not subject.recurrent:
        if hasattr(network, "forward_sequence") and not _has_forward(network):
            yield (
                "a network without a state must have `forward`; this one has "
                "`forward_sequence` alone. Register it with recurrent=True."
            )
            return
        for batch in (1, 2, 5):
            wanted: list[tuple[int, ...]] = [(batch, subject.out_features)]
            if batch == 1:
                wanted.append((subject.out_features,))
            y = network(subject.inputs(batch))
            fault = _fault_of_output(f"x {(batch, subject.in_features)}", y, wanted)
            if fault:
                yield fault
                return
        return
    for batch in (1, 3):
        fault = _fault_of_state(subject.start(network, batch), batch)
        if fault:
            yield fault
            return
    for steps, batch in ((1, 1), (1, 3), (3, 1), (3, 3)):
        faults = list(_sequence_faults(subject, network, steps, batch))
        if faults:
            yield from faults
            return


def _has_forward(network: Any) -> bool:
    return type(network).forward is not nn.Module.forward


def _sequence_faults(
    subject: NetworkUnderTest, network: Any, steps: int, batch: int
) -> Iterator[str]:
    x = subject.inputs(batch, steps=steps)
    start = subject.start(network, batch)
    returned = network.forward_sequence(x, copied(start))
    if not isinstance(returned, tuple) or len(returned) != 2:
        yield (
            "`forward_sequence` must return the pair (outputs, state after the last "
            f"step); got {_kind(returned)}."
        )
        return
    y, after = returned
    expected = [(steps, batch, subject.out_features)]
    if fault := _fault_of_output(f"x {tuple(x.shape)}", y, expected):
        yield fault
    wanted, got = _form(start), _form(after)
    if wanted != got:
        yield (
            "`forward_sequence` must return a state of the form that `initial_state` "
            f"gives, {wanted}; got {got} from x {tuple(x.shape)}."
        )


def _fault_of_output(
    call: str, y: Any, wanted: Sequence[tuple[int, ...]]
) -> str | None:
    if not isinstance(y, Tensor):
        return (
            f"outputs must be one tensor; {call} gives {_kind(y)}. A network that "
            "returns a state as well is registered with recurrent=True, and offers "
            "`forward_sequence` and `initial_state`."
        )
    if tuple(y.shape) not in wanted:
        return (
            f"{call} must give outputs of the shape {' or '.join(map(str, wanted))}; "
            f"got {tuple(y.shape)}. Keep the dimensions of a batch or sequence of one."
        )
    return None


def _fault_of_state(state: Any, batch: int) -> str | None:
    tensors = parts(state)
    if not tensors or not all(isinstance(part, Tensor) for part in tensors):
        return (
            "`initial_state` must give a tensor or a tuple of tensors, as which Velora "
            f"stores a state; got {_kind(state)}."
        )
    for part in tensors:
        try:
            torch.zeros(0, dtype=part.dtype).numpy()
        except TypeError:
            return (
                "`initial_state` must give parts of a dtype that NumPy has, in which "
                "Velora stores a state, bit for bit: floating point but bfloat16, "
                f"complex, integers or booleans; got {part.dtype}."
            )
    if any(part.dim() == 0 or len(part) != batch for part in tensors):
        return (
            f"`initial_state({batch})` must have the batch in dimension 0 of every "
            "part, by which Velora tells environments apart; got "
            f"{_form(state)}. Move it there in `forward_sequence` and back."
        )
    return None


def repeatable(subject: NetworkUnderTest) -> Iterator[str]:
    """Equal calls give equal numbers."""
    network = subject.network()
    x, other = subject.inputs(3), subject.inputs(3, seed=5)
    for state in (None, subject.state(network, 3)):
        once = subject.run(network, x, state)
        subject.run(network, other)
        again = subject.run(network, x, state)
        if words := difference(again.named, once.named, subject.tolerance):
            yield (
                f"two calls with the same arguments, in eval mode, must give the same: "
                f"{words}. Keep what lasts in the state that goes in and comes out, "
                "and sample random numbers in training mode alone."
            )
            return


def changes_nothing(subject: NetworkUnderTest) -> Iterator[str]:
    """A call in eval mode leaves its arguments and the network as they were."""
    network = subject.network()
    x, state = subject.inputs(3), subject.state(network, 3)
    given = {"the inputs": x, **name_parts("the state", state)}
    options = {}
    if subject.takes(network, "resets"):
        options["resets"] = torch.tensor([[True, False, False]] * 3)
        given["the resets"] = options["resets"]
    if subject.takes(network, "timespans"):
        options["timespans"] = subject.times(3, 3)
        given["the timespans"] = options["timespans"]
    own = {f"the buffer `{name}`": b for name, b in network.named_buffers()}
    own |= {f"the parameter `{name}`": p for name, p in network.named_parameters()}
    before = {name: tensor.detach().clone() for name, tensor in (given | own).items()}
    entry = getattr(network, subject.entry_point)
    with torch.no_grad():
        entry(x, *([] if state is None else [state]), **options)
    for name, tensor in given.items():
        if not same({name: tensor}, {name: before[name]}):
            yield (
                f"a call must leave its arguments alone; {name} changed in place. "
                "Compute a new tensor instead."
            )
    for name, tensor in own.items():
        if not same({name: tensor}, {name: before[name]}):
            yield (
                f"a call in eval mode must leave the network alone; {name} changed. "
                "Change it in training mode alone, or make it a part of the state."
            )


@in_both_precisions
def rows_apart(subject: NetworkUnderTest) -> Iterator[str]:
    """The rows of a batch do not influence each other."""
    network = subject.network()
    for steps, batch in subject.awkward_sizes(network):
        x = subject.inputs(batch, steps=steps)
        state = subject.state(network, batch)
        whole = subject.run(network, x, state)
        for row in sorted({0, batch // 2, batch - 1}):
            alone = subject.run(network, x[..., [row], :], _row(state, row))
            expected = {
                name: part[..., [row], :] if name == "the outputs" else part[[row]]
                for name, part in whole.named.items()
            }
            if words := difference(alone.named, expected, subject.tolerance):
                yield (
                    f"row {row} of x {tuple(x.shape)} must give the same alone: "
                    f"{words}. Look for a mean, a norm, a softmax or a broadcast over "
                    "the batch."
                )
                return


def _row(state: State | None, row: int) -> State | None:
    return mapped(state, lambda part: part[[row]])


def _form(state: Any) -> str:
    """Describes the structure, the shapes and the dtypes of a state."""
    if not isinstance(state, tuple | Tensor):
        return _kind(state)
    tensors = parts(state)
    if not all(isinstance(part, Tensor) for part in tensors):
        return f"a tuple of {[_kind(part) for part in tensors]}"
    words = [f"{tuple(part.shape)} of {part.dtype}" for part in tensors]
    return f"a tuple of {words}" if isinstance(state, tuple) else f"a tensor {words[0]}"


def _kind(thing: Any) -> str:
    if isinstance(thing, tuple):
        return f"a tuple of {len(thing)}"
    return "a module" if isinstance(thing, nn.Module) else type(thing).__name__
