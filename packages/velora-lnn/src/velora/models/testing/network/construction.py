"""Rules about how a network is made, stored and copied."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.testing.differences import difference, same
from velora.models.testing.network.network_under_test import NetworkUnderTest

_SIZES = ((1, 1), (3, 2))


def builds(subject: NetworkUnderTest) -> Iterator[str]:
    """The builder makes a module, of any size, on the device it is told."""
    own = (subject.in_features, subject.out_features)
    for sizes in dict.fromkeys((own, *_SIZES)):
        network = subject.make(sizes=sizes)
        if not isinstance(network, nn.Module):
            yield (
                "a builder must return a torch.nn.Module; got "
                f"{type(network).__name__} for the sizes {sizes}."
            )
            return
    if subject.recurrent:
        for method in ("forward_sequence", "initial_state"):
            if not callable(getattr(network, method, None)):
                yield (
                    f"a recurrent network must offer `{method}`; "
                    f"{type(network).__name__} does not. Write it, or register the "
                    "network with recurrent=False."
                )
    for device in ("cpu", "meta"):
        made = _tensors(subject.make(device=device))
        elsewhere = [name for name, t in made.items() if t.device.type != device]
        if elsewhere:
            yield (
                f"device={device!r} must put every parameter and buffer there; "
                f"{_some(elsewhere)} is on {made[elsewhere[0]].device}. Hand `device` "
                "to every layer and tensor."
            )


def seeded(subject: NetworkUnderTest) -> Iterator[str]:
    """PyTorch's seed decides on every number."""
    first, again, other = (_tensors(subject.make(seed=n)) for n in (1, 1, 2))
    if not same(first, again):
        different = [name for name in first if not _equal(first, again, name)]
        yield (
            "the same torch.manual_seed before building must give the same numbers; "
            f"{_some(different)} differs. Sample from PyTorch's global generator."
        )
    torch.default_generator.manual_seed(2)
    untouched = torch.get_rng_state()
    subject.make(seed=2)
    # One that samples nothing, all of whose numbers are fixed, needs no seed.
    samples = not torch.equal(untouched, torch.get_rng_state())
    if first and samples and same(first, other):
        yield (
            "another torch.manual_seed before building must give other parameters; "
            "they are the same. Leave PyTorch's generator unseeded."
        )


def stored(subject: NetworkUnderTest) -> Iterator[str]:
    """`state_dict` holds all that a network computes with."""
    network, other = subject.network(seed=1), subject.network(seed=2)
    x = subject.inputs(3)
    subject.run(other, x)  # so that what it remembers of its old weights shows
    other.load_state_dict(network.state_dict())
    expected = subject.run(network, x).named
    got = subject.run(other, x).named
    if words := difference(got, expected, subject.tolerance):
        yield (
            "a network that has loaded another's `state_dict` must compute the same: "
            f"{words}. Register what it computes with as parameter or buffer, and "
            "compute nothing from them ahead of a call."
        )


def deep_copied(subject: NetworkUnderTest) -> Iterator[str]:
    """`copy.deepcopy` gives an equal network that shares nothing."""
    network, x = subject.network(), subject.inputs(3)
    expected = subject.run(network, x).named
    twin = copy.deepcopy(network)
    before = subject.run(twin, x).named
    if words := difference(before, expected, subject.tolerance):
        yield f"a deep copy must compute the same: {words}."
        return
    trained = _train(twin)
    if trained and not same(subject.run(network, x).named, expected):
        yield (
            "training a deep copy must leave the original alone; its outputs changed. "
            "Let `__deepcopy__` copy the parameters."
        )
    if trained and same(subject.run(twin, x).named, before):
        yield (
            "a deep copy must compute with its own parameters; changing them changes "
            "nothing. Look for a function that holds on to the original, such as a "
            "lambda in an attribute."
        )


def pickled(subject: NetworkUnderTest) -> Iterator[str]:
    """`pickle` gives an equal network."""
    network, x = subject.network(), subject.inputs(3)
    expected = subject.run(network, x).named
    try:
        twin: Any = pickle.loads(pickle.dumps(network))
    except Exception as error:
        yield (
            f"a network must survive pickle; {type(error).__name__}: {error}. Keep no "
            "lambda, open file or generator in it, and define its classes at the top "
            "level of a module."
        )
        return
    if words := difference(subject.run(twin, x).named, expected, subject.tolerance):
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
