"""The algorithm that a policy is built for: the right one, and what it remembers."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from velora.plugins import NetworkEntry, networks, plugins
from velora.sb3.common.network_defaults import DEFAULTS, ONCE_IN, Defaults

_NOTE = "network_defaults"  # on an algorithm, and in what a state dict says of modules


def algorithm_being_set_up() -> BaseAlgorithm | None:
    """Returns the algorithm that is building its policy now, if one is.

    Stable-Baselines3 hands a policy its spaces and options but never the algorithm,
    so only the call stack knows. A policy that is loaded from its own file is built for
    no algorithm, whoever loads it.
    """
    maker = next(_makers(), None)
    return maker if isinstance(maker, BaseAlgorithm) else None


def _makers() -> Iterator[BaseAlgorithm | Mapping[str, Any]]:
    """Yields the algorithms and the contents of files that policies are made of now.

    The nearest call comes first.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name, values = frame.f_code.co_name, frame.f_locals
        if name == "_setup_model" and isinstance(values.get("self"), BaseAlgorithm):
            yield values["self"]
        # Of Stable-Baselines3's `BaseModel.load`.
        elif name == "load" and isinstance(values.get("saved_variables"), Mapping):
            yield values["saved_variables"]
        frame = frame.f_back


def check_algorithm(
    policy_class: type[BasePolicy], family: type[BasePolicy] | None = None
) -> None:
    """Refuses a policy of one algorithm in another.

    Args:
        policy_class: of the policy that is being built.
        family: one of whose kind the algorithm's own policies must be.

    Raises:
        TypeError: the algorithm being set up takes other policies.
    """
    algorithm = algorithm_being_set_up()
    if algorithm is None or algorithm.policy_class is not policy_class:
        return  # nobody's, or one that an algorithm builds beside its own
    aliases: dict[str, type[BasePolicy]] = {}
    for kind in type(algorithm).__mro__:
        aliases = getattr(kind, "policy_aliases", {}) | aliases
    taken = tuple(aliases.values())
    fits = issubclass(policy_class, taken) and (
        family is None or any(issubclass(kind, family) for kind in taken)
    )
    if taken and not fits:
        name = type(algorithm).__name__
        names = ("NCPPolicy", "LiquidPolicy")
        ours = [name for name in names if hasattr(aliases.get(name), "default_network")]
        fix = (
            f'Pass its name, as in {name}("{ours[0]}", env); load a file by the '
            "algorithm that it is of."
            if ours
            else f"Velora has none for {name}."
        )
        raise TypeError(
            f"A policy of {name} must inherit from {taken[0].__name__}; got "
            f"{policy_class.__module__}.{policy_class.__name__}, which is one for "
            f"another algorithm. {fix}"
        )


def find_network(name: str) -> NetworkEntry:
    """Returns a network from the registry.

    Raises:
        KeyError: the network is unknown; the message lists the known ones, and what
            provided it to the saved agent that is being loaded.
    """
    try:
        return networks()[name]
    except KeyError as error:
        sources = getattr(algorithm_being_set_up(), "network_sources", {})
        if name not in sources:
            raise
        raise type(error)(
            f"{error} The saved agent had it {_remedy(sources[name])}."
        ) from error


def remember_source(entry: NetworkEntry) -> None:
    """Notes which distribution provides a network on the algorithm being set up.

    Stable-Baselines3 saves the note with the agent, so that one who loads it without
    the network is told what to install.
    """
    algorithm = algorithm_being_set_up()
    if algorithm is not None:
        _notes(algorithm)["network_sources"][entry.name] = entry.distribution


def takes_spaces_whole() -> bool:
    """Whether the algorithm being set up is one saved before parts of spaces had rules.

    Until then a Dict with windows or with small images, and a stack of images, were
    taken as a whole.
    """
    algorithm = algorithm_being_set_up()
    if algorithm is None:
        return False
    whole: bool = _notes(algorithm)["takes_spaces_whole"]
    return whole


def defaults_of(family: str | None) -> Defaults:
    """Returns what policies of a family ask of our networks, by network and role.

    An agent keeps what was noted when it was made, and so does a policy in a file of
    its own, which thus compute the same after the defaults have changed. What was saved
    before there were any has none.

    Args:
        family: one of `velora.sb3.common.network_defaults`, or None for no defaults.
    """
    maker = next(_makers(), None)
    if maker is None:
        found = DEFAULTS
    elif isinstance(maker, BaseAlgorithm):
        found = _notes(maker)[_NOTE]
    else:
        said = getattr(maker.get("state_dict"), "_metadata", {}).values()
        found = next((noted[_NOTE] for noted in said if _NOTE in noted), {})
    names = [] if family is None else [family, ONCE_IN.get(family, family)]
    return copy.deepcopy(next((found[name] for name in names if name in found), {}))


def note_defaults(state_dict: Any, prefix: str, defaults: Mapping[str, Any]) -> None:
    """Notes defaults by family in what a state dict says of a module.

    Args:
        state_dict: which PyTorch fills now.
        prefix: of the module's keys.
        defaults: what `defaults_of` shall find when a policy is made of the file.
    """
    noted = getattr(state_dict, "_metadata", {}).get(prefix[:-1])
    if noted is not None:
        noted[_NOTE] = defaults


def _notes(algorithm: BaseAlgorithm) -> dict[str, Any]:
    """Returns what is noted on an algorithm, and saved with it, notes of ours among it.

    An older one is being loaded, where it has noted its networks, but not the rest.
    """
    noted = vars(algorithm)
    is_older = "network_sources" in noted
    noted.setdefault("network_sources", {})
    noted.setdefault("takes_spaces_whole", is_older)
    noted.setdefault(_NOTE, {} if is_older else copy.deepcopy(DEFAULTS))
    return noted


def _remedy(source: str | None) -> str:
    if source is None:
        return "from the program that trained it: add it to `networks()` first"
    status = {info.distribution: info.status for info in plugins()}.get(source)
    if status is None:
        return f"from the distribution {source!r}: pip install {source}"
    return f"from the distribution {source!r}, whose plugin is {status} here"
