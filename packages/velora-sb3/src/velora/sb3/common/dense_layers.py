"""Arguments for dense layers (an MLP's), and which sizes of ours are about as large."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space

from velora.models.lnn.activation import ACTIVATIONS
from velora.sb3.common.keywords import keywords_of
from velora.sb3.common.network_choice import NetworkChoice
from velora.utils import active_parameters

_TUNED = ("net_arch", "activation_fn")
_PROBES = (64, 128, 256)  # decision neurons, from which the others are told
_IMAGE_FEATURES = 512  # of Stable-Baselines3's NatureCNN


def refusal(
    argument: str,
    value: Any,
    choice: NetworkChoice,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
    *,
    remembers: bool = False,
) -> str:
    """Returns why an argument for dense layers is refused, and what to pass instead.

    Where a policy remembers, `net_arch` is for layers after an LSTM, and their size
    says nothing of how large a network is wanted.
    """
    message = f"`{argument}` describes layers that this policy does not have"
    name = getattr(value, "__name__", "").lower()
    has_one = "activation" in (keywords_of(choice.entry.build) or ())
    if argument != "activation_fn":
        message += (
            "; leave it out, or size its networks with `n_neurons` and `network_kwargs`"
        )
    elif not has_one:
        message += f"; leave it out, as {choice.network!r} has activations of its own"
    elif name in ACTIVATIONS:
        message += f'; neurons get it by `network_kwargs=dict(activation="{name}")`'
    else:
        message += (
            "; neurons get theirs by `network_kwargs=dict(activation=...)`, one of "
            f"{sorted(ACTIVATIONS)}"
        )
    if argument == "net_arch" and not remembers:
        try:
            n_inputs = _features(observation_space)
            n_outputs = spaces.flatdim(action_space)
            sizes = [
                comparable_neurons(value, choice, n_inputs, n_outputs, share=share)
                for share in (1.0, 0.5)
            ]
        except Exception:  # of a builder or a space, which is not what is refused
            sizes = [None]
        if None not in sizes:
            as_many, half = sizes
            message += (
                f": n_neurons={as_many} has about as many parameters with a synapse, "
                f"n_neurons={half} half of them"
            )
    if argument in _TUNED:
        message += (
            ". Where rl-baselines3-zoo tunes it, pass `--gym-packages velora.sb3.zoo`"
        )
    return message + "."


def comparable_neurons(
    net_arch: Any,
    choice: NetworkChoice,
    n_inputs: int,
    n_outputs: int,
    *,
    share: float = 1.0,
) -> int | dict[str, int] | None:
    """Returns the `n_neurons` whose networks are about as large as dense ones.

    Parameters with a synapse are compared, those that no mask removes.

    Args:
        net_arch: sizes of hidden layers, or a dict with those of each role.
        choice: the network to size.
        n_inputs: features that go in.
        n_outputs: motor neurons.
        share: the part of the dense layers' parameters that is wanted.

    Returns:
        One number, or one for each role; None where no hidden layers are given, or the
        network's size is not free.
    """
    if isinstance(net_arch, Mapping):
        each = {
            role: comparable_neurons(layers, choice, n_inputs, n_outputs, share=share)
            for role, layers in net_arch.items()
        }
        sizes = {role: size for role, size in each.items() if isinstance(size, int)}
        if not sizes or sizes != each:
            return None
        return sizes if len(set(sizes.values())) > 1 else next(iter(sizes.values()))
    if not isinstance(net_arch, Sequence) or not net_arch:
        return None
    if not all(isinstance(size, int) for size in net_arch):
        return None
    widths = [n_inputs, *net_arch, n_outputs]
    wanted = share * sum((before + 1) * after for before, after in pairwise(widths))

    def parameters(n_neurons: int) -> int:
        options = replace(choice, n_neurons=n_neurons).options("pi")
        return active_parameters(choice.entry.build(n_inputs, n_outputs, **options))

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # the same advice each time
        return _inverse(parameters, wanted)


def _inverse(parameters: Callable[[int], int], wanted: float) -> int | None:
    """Returns how many neurons have the parameters, which grow with their square."""
    counts = [parameters(n_neurons) for n_neurons in _PROBES]
    if counts[0] == counts[-1]:
        return None
    if wanted < counts[0]:  # where rounding counts
        return 2 + bisect_left(range(2, _PROBES[0]), wanted, key=parameters)
    *rising, constant = np.polyfit(_PROBES, counts, 2)
    roots = np.roots([*rising, constant - wanted])
    return int(min(root.real for root in roots if root.real > 0) + 0.5)


def _features(space: spaces.Space[Any]) -> int:
    """Returns how many features dense layers would get."""
    if isinstance(space, spaces.Dict):
        return sum(_features(part) for part in space.values())
    return _IMAGE_FEATURES if is_image_space(space) else spaces.flatdim(space)
