"""The algorithm that a policy is built for: the right one, and what it remembers."""

from __future__ import annotations

import sys

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from velora.plugins import NetworkEntry, networks, plugins
from velora.sb3.common.network_defaults import DEFAULTS, Defaults


def algorithm_being_set_up() -> BaseAlgorithm | None:
    """Returns the algorithm that is building its policy now, if one is.

    Stable-Baselines3 hands a policy its spaces and options but never the algorithm,
    so only the call stack knows.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_name == "_setup_model":
            algorithm = frame.f_locals.get("self")
            if isinstance(algorithm, BaseAlgorithm):
                return algorithm
    return None


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
            f'Pass its name, as in {name}("{ours[0]}", env).'
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
        sources = vars(algorithm).setdefault("network_sources", {})
        sources[entry.name] = entry.distribution


def defaults_of(family: str) -> Defaults:
    """Returns what an algorithm asks of our networks, by network and role.

    It is noted on the algorithm being set up, and saved with the agent, which thus
    computes the same after the defaults have changed. One that was saved before there
    were any has noted its networks alone.

    Args:
        family: one of `velora.sb3.common.network_defaults`.
    """
    algorithm = algorithm_being_set_up()
    if algorithm is None:
        return DEFAULTS[family]
    noted = vars(algorithm)
    is_older = "network_sources" in noted
    found: dict[str, Defaults]
    found = noted.setdefault("network_defaults", {} if is_older else dict(DEFAULTS))
    return found.get(family, {})


def takes_spaces_whole() -> bool:
    """Whether the algorithm being set up is one saved before parts of spaces had rules.

    Until then a Dict with windows or with small images, and a stack of images, were
    taken as a whole. Stable-Baselines3 saves the note that this leaves on an algorithm;
    an older one has noted its networks alone.
    """
    algorithm = algorithm_being_set_up()
    if algorithm is None:
        return False
    noted = vars(algorithm)
    whole: bool = noted.setdefault("takes_spaces_whole", "network_sources" in noted)
    return whole


def _remedy(source: str | None) -> str:
    if source is None:
        return "from the program that trained it: add it to `networks()` first"
    status = {info.distribution: info.status for info in plugins()}.get(source)
    if status is None:
        return f"from the distribution {source!r}: pip install {source}"
    return f"from the distribution {source!r}, whose plugin is {status} here"
