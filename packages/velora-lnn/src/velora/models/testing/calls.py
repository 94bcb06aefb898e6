"""Rules about a call: what it returns, and that it is a function of its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.testing.candidate import Candidate, in_both_precisions
from velora.models.testing.compare import difference, same
from velora.models.testing.state import State, copied, mapped, name_parts, parts


def shapes(candidate: Candidate) -> Iterator[str]:
    """Outputs and states have the shapes that Velora relies on."""
    network = candidate.network()
    if not candidate.recurrent:
        if hasattr(network, "forward_sequence") and not _has_forward(network):
            yield (
                "a network without a state must have `forward`; this one has "
                "`forward_sequence` alone. Register it with recurrent=True."
            )
            return
        for batch in (1, 2, 5):
            wanted: list[tuple[int, ...]] = [(batch, candidate.out_features)]
            if batch == 1:
                wanted.append((candidate.out_features,))
            y = network(candidate.inputs(batch))
            fault = _fault_of_output(f"x {(batch, candidate.in_features)}", y, wanted)
            if fault:
                yield fault
                return
        return
    for batch in (1, 3):
        fault = _fault_of_state(candidate.start(network, batch), batch)
        if fault:
            yield fault
            return
    for steps, batch in ((1, 1), (1, 3), (3, 1), (3, 3)):
        faults = list(_sequence_faults(candidate, network, steps, batch))
        if faults:
            yield from faults
            return


def _has_forward(network: Any) -> bool:
    return type(network).forward is not nn.Module.forward


def _sequence_faults(
    candidate: Candidate, network: Any, steps: int, batch: int
) -> Iterator[str]:
    x = candidate.inputs(batch, steps=steps)
    start = candidate.start(network, batch)
    returned = network.forward_sequence(x, copied(start))
    if not isinstance(returned, tuple) or len(returned) != 2:
        yield (
            "`forward_sequence` must return the pair (outputs, state after the last "
            f"step); got {_kind(returned)}."
        )
        return
    y, after = returned
    expected = [(steps, batch, candidate.out_features)]
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
    tensors = state if isinstance(state, tuple) else (state,)
    if not tensors or not all(isinstance(part, Tensor) for part in tensors):
        return (
            "`initial_state` must give a tensor or a tuple of tensors, as which Velora "
            f"stores a state; got {_kind(state)}."
        )
    if any(part.dim() == 0 or len(part) != batch for part in tensors):
        return (
            f"`initial_state({batch})` must have the batch in dimension 0 of every "
            "part, by which Velora tells environments apart; got "
            f"{_form(state)}. Move it there in `forward_sequence` and back."
        )
    return None


def repeatable(candidate: Candidate) -> Iterator[str]:
    """Equal calls give equal numbers."""
    network = candidate.network()
    x, other = candidate.inputs(3), candidate.inputs(3, seed=5)
    for state in (None, candidate.state(network, 3)):
        once = candidate.run(network, x, state)
        candidate.run(network, other)
        again = candidate.run(network, x, state)
        if words := difference(again.named, once.named, candidate.tolerance):
            yield (
                f"two calls with the same arguments, in eval mode, must give the same: "
                f"{words}. Keep what lasts in the state that goes in and comes out, "
                "and draw random numbers in training mode alone."
            )
            return


def changes_nothing(candidate: Candidate) -> Iterator[str]:
    """A call in eval mode leaves its arguments and the network as they were."""
    network = candidate.network()
    x, state = candidate.inputs(3), candidate.state(network, 3)
    given = {"the inputs": x, **name_parts("the state", state)}
    options = {}
    if "resets" in candidate.arguments(network):
        options["resets"] = torch.tensor([[True, False, False]] * 3)
        given["the resets"] = options["resets"]
    if "timespans" in candidate.arguments(network):
        options["timespans"] = candidate.times(3, 3)
        given["the timespans"] = options["timespans"]
    own = {f"the buffer `{name}`": b for name, b in network.named_buffers()}
    own |= {f"the parameter `{name}`": p for name, p in network.named_parameters()}
    before = {name: tensor.detach().clone() for name, tensor in (given | own).items()}
    entry = getattr(network, candidate.entry_point)
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
def rows_apart(candidate: Candidate) -> Iterator[str]:
    """The rows of a batch do not influence each other."""
    network = candidate.network()
    for steps, batch in candidate.awkward_sizes(network):
        x = candidate.inputs(batch, steps=steps)
        state = candidate.state(network, batch)
        whole = candidate.run(network, x, state)
        for row in sorted({0, batch // 2, batch - 1}):
            alone = candidate.run(network, x[..., [row], :], _row(state, row))
            expected = {
                name: part[..., [row], :] if name == "the outputs" else part[[row]]
                for name, part in whole.named.items()
            }
            if words := difference(alone.named, expected, candidate.tolerance):
                yield (
                    f"row {row} of x {tuple(x.shape)} must give the same alone: "
                    f"{words}. Look for a mean, a norm, a softmax or a broadcast over "
                    "the batch."
                )
                return


def _row(state: State, row: int) -> State:
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
