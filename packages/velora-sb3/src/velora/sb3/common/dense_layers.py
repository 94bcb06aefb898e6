"""Arguments for dense layers (an MLP's): what they say of ours, or why they cannot."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space
from torch import nn

from velora.models.lnn.wiring_argument import is_ready
from velora.sb3.common.network_choice import NetworkChoice, is_ours
from velora.utils import active_parameters

LAYER_ARGUMENTS = ("net_arch", "activation_fn")
_NAMES: dict[Any, str] = {  # in `velora.models.lnn.activation.ACTIVATIONS`
    nn.ELU: "elu",
    nn.GELU: "gelu",
    nn.LeakyReLU: "leaky_relu",
    nn.Mish: "mish",
    nn.ReLU: "relu",
    nn.SiLU: "silu",
    nn.Tanh: "tanh",
}
_PROBES = (64, 128, 256)  # decision neurons, from which the others are told
_IMAGE_FEATURES = 512  # of Stable-Baselines3's NatureCNN


def stands_for_layers(choice: NetworkChoice) -> bool:
    """Returns whether what is said of dense layers says something of a network.

    Those of ours without a state have neurons as dense layers have them. A neuron with
    a state has several weights for each synapse, and what the size of a network of
    others means we do not know.
    """
    return is_ours(choice.entry) and not choice.recurrent


def in_place_of_layers(
    choice: NetworkChoice,
    roles: Sequence[str],
    *,
    net_arch: Any = None,
    activation_fn: Any = None,
    ortho_init: bool = True,
) -> NetworkChoice:
    """Returns a choice that follows what a user asks of dense layers.

    A network is larger than by default by as much as the hidden layers of its role are
    larger than those that the default stands for, and never smaller: with fewer neurons
    a sparse network learns in more steps than small dense layers do. Without
    `ortho_init` dense layers start as `nn.Linear`, with small weights that a step of
    the optimizer moves far; so does a network whose initial values are the builder's
    own, which then wants no longer steps.

    Args:
        choice: of a network that stands for dense layers, with its defaults.
        roles: of the policy's networks.
        net_arch: sizes of hidden layers, or a dict with those of each role.
        activation_fn: the class of an activation in PyTorch.
        ortho_init: whether layers start by a rule of Stable-Baselines3's, for which
            our defaults stand.

    Raises:
        ValueError: `net_arch` is something else or has other roles, the activation is
            unknown, or size or activation are given twice and differ.
    """
    if activation_fn is not None:
        choice = _with_activation(choice, activation_fn)
    if not ortho_init:
        choice = choice.starting_as_built()
    return choice if net_arch is None else _sized_as(net_arch, choice, roles)


def _with_activation(choice: NetworkChoice, activation_fn: Any) -> NetworkChoice:
    name = _name_of(activation_fn)
    if name is None:
        known = ", ".join(f"nn.{kind.__name__}" for kind in _NAMES)
        raise ValueError(
            f"`activation_fn` must be one of {known}; got {activation_fn!r:.100}."
        )
    given = choice.network_kwargs.get("activation", name)
    if given != name:
        raise ValueError(
            f"The activation must be given once; got {activation_fn!r:.100} as "
            f"`activation_fn` and {given!r:.100} in `network_kwargs`. Leave one of "
            "them out."
        )
    options = {**choice.network_kwargs, "activation": name}
    return choice.replaced(network_kwargs=options)


def _sized_as(
    net_arch: Any, choice: NetworkChoice, roles: Sequence[str]
) -> NetworkChoice:
    layers = (
        net_arch if isinstance(net_arch, Mapping) else dict.fromkeys(roles, net_arch)
    )
    if set(layers) != set(roles) or not all(map(_is_layers, layers.values())):
        raise ValueError(
            "`net_arch` must be a list with the sizes of one hidden layer or more, as "
            f"[64, 64], or a dict of such with the keys {list(roles)}; got "
            f"{net_arch!r:.100}."
        )
    sizes = {role: choice.neurons_for(role, int(sum(layers[role]))) for role in roles}
    given: Any = choice.n_neurons
    options = choice.network_kwargs
    if "n_neurons" in options or is_ready(options.get("wiring")):
        given = options
    if given not in (None, sizes):
        raise ValueError(
            f"The size of networks must be given once; got {net_arch!r:.100} as "
            f"`net_arch`, which makes `n_neurons` {sizes}, and {given!r:.100}. Leave "
            "one of them out."
        )
    return choice.replaced(n_neurons=sizes)


def _name_of(activation_fn: Any) -> str | None:
    return _NAMES.get(activation_fn) if isinstance(activation_fn, type) else None


def _is_layers(sizes: Any) -> bool:
    if not isinstance(sizes, Sequence) or isinstance(sizes, str | bytes) or not sizes:
        return False
    return all(isinstance(size, Integral) and int(size) > 0 for size in sizes)


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
    if argument == "activation_fn":
        message += f"; leave it out, as {choice.network!r} has activations of its own"
    else:
        message += (
            "; leave it out, or size its networks with `n_neurons` and `network_kwargs`"
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
    if argument in LAYER_ARGUMENTS:
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
        options = choice.replaced(n_neurons=n_neurons).options("pi")
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
