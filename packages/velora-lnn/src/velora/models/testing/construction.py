"""Rules about how a network is made, stored and copied."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.testing.candidate import Candidate
from velora.models.testing.compare import difference, same

_SIZES = ((1, 1), (3, 2))


def builds(candidate: Candidate) -> Iterator[str]:
    """The builder makes a module, of any size, on the device it is told."""
    own = (candidate.in_features, candidate.out_features)
    for sizes in dict.fromkeys((own, *_SIZES)):
        network = candidate.make(sizes=sizes)
        if not isinstance(network, nn.Module):
            yield (
                "a builder must return a torch.nn.Module; got "
                f"{type(network).__name__} for the sizes {sizes}."
            )
            return
    if candidate.recurrent:
        for method in ("forward_sequence", "initial_state"):
            if not callable(getattr(network, method, None)):
                yield (
                    f"a recurrent network must offer `{method}`; "
                    f"{type(network).__name__} does not. Write it, or register the "
                    "network with recurrent=False."
                )
    for device in ("cpu", "meta"):
        made = _tensors(candidate.make(device=device))
        elsewhere = [name for name, t in made.items() if t.device.type != device]
        if elsewhere:
            yield (
                f"device={device!r} must put every parameter and buffer there; "
                f"{_some(elsewhere)} is on {made[elsewhere[0]].device}. Hand `device` "
                "to every layer and tensor."
            )


def seeded(candidate: Candidate) -> Iterator[str]:
    """PyTorch's seed decides on every number."""
    first, again, other = (_tensors(candidate.make(seed=n)) for n in (1, 1, 2))
    if not same(first, again):
        different = [name for name in first if not _equal(first, again, name)]
        yield (
            "the same torch.manual_seed before building must give the same numbers; "
            f"{_some(different)} differs. Draw from PyTorch's global generator."
        )
    torch.default_generator.manual_seed(2)
    untouched = torch.get_rng_state()
    candidate.make(seed=2)
    # One that draws nothing, all of whose numbers are fixed, needs no seed.
    draws = not torch.equal(untouched, torch.get_rng_state())
    if first and draws and same(first, other):
        yield (
            "another torch.manual_seed before building must give other parameters; "
            "they are the same. Leave PyTorch's generator unseeded."
        )


def stored(candidate: Candidate) -> Iterator[str]:
    """`state_dict` holds all that a network computes with."""
    network, other = candidate.network(seed=1), candidate.network(seed=2)
    x = candidate.inputs(3)
    candidate.run(other, x)  # so that what it remembers of its old weights shows
    other.load_state_dict(network.state_dict())
    expected = candidate.run(network, x).named
    got = candidate.run(other, x).named
    if words := difference(got, expected, candidate.tolerance):
        yield (
            "a network that has loaded another's `state_dict` must compute the same: "
            f"{words}. Register what it computes with as parameter or buffer, and "
            "compute nothing from them ahead of a call."
        )


def deep_copied(candidate: Candidate) -> Iterator[str]:
    """`copy.deepcopy` gives an equal network that shares nothing."""
    network, x = candidate.network(), candidate.inputs(3)
    expected = candidate.run(network, x).named
    twin = copy.deepcopy(network)
    before = candidate.run(twin, x).named
    if words := difference(before, expected, candidate.tolerance):
        yield f"a deep copy must compute the same: {words}."
        return
    trained = _train(twin)
    if trained and not same(candidate.run(network, x).named, expected):
        yield (
            "training a deep copy must leave the original alone; its outputs changed. "
            "Let `__deepcopy__` copy the parameters."
        )
    if trained and same(candidate.run(twin, x).named, before):
        yield (
            "a deep copy must compute with its own parameters; changing them changes "
            "nothing. Look for a function that holds on to the original, such as a "
            "lambda in an attribute."
        )


def pickled(candidate: Candidate) -> Iterator[str]:
    """`pickle` gives an equal network."""
    network, x = candidate.network(), candidate.inputs(3)
    expected = candidate.run(network, x).named
    try:
        twin: Any = pickle.loads(pickle.dumps(network))
    except Exception as error:
        yield (
            f"a network must survive pickle; {type(error).__name__}: {error}. Keep no "
            "lambda, open file or generator in it, and define its classes at the top "
            "level of a module."
        )
        return
    if words := difference(candidate.run(twin, x).named, expected, candidate.tolerance):
        yield f"a network must compute the same after pickle: {words}."


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.named_parameters()) | dict(network.named_buffers())


def _equal(first: dict[str, Tensor], other: dict[str, Tensor], name: str) -> bool:
    return name in other and torch.equal(first[name], other[name])


@torch.no_grad()
def _train(network: nn.Module) -> bool:
    """Changes every parameter, if there are any."""
    generator = torch.Generator("cpu").manual_seed(6)
    parameters = [p for p in network.parameters() if p.is_floating_point()]
    for parameter in parameters:
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.add_(noise.to(parameter.dtype), alpha=0.1)
    return bool(parameters)


def _some(names: list[str]) -> str:
    """Names a few of many."""
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
