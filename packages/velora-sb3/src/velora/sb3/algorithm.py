"""The algorithm that a policy is built for: the right one, and what it remembers."""

from __future__ import annotations

import sys

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from velora.plugins import NetworkEntry, networks


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


def check_algorithm(policy_class: type[BasePolicy]) -> None:
    """Refuses a policy of one algorithm in another.

    Raises:
        TypeError: the algorithm being set up takes other policies.
    """
    algorithm = algorithm_being_set_up()
    if algorithm is None:
        return
    taken = tuple(algorithm.policy_aliases.values())
    if taken and not issubclass(policy_class, taken):
        name = type(algorithm).__name__
        raise TypeError(
            f"A policy of {name} must inherit from {taken[0].__name__}; got "
            f"{policy_class.__module__}.{policy_class.__name__}, which is one for "
            f'another algorithm. Pass its name, as in {name}("NCPPolicy", env).'
        )


def find_network(name: str) -> NetworkEntry:
    """Returns a network from the registry, and lets a saved agent remember its source.

    The distribution that provides the network is noted on the algorithm, which
    Stable-Baselines3 saves, so that an agent loaded without it can say what to install.

    Raises:
        KeyError: the network is unknown; the message lists the known ones.
    """
    algorithm = algorithm_being_set_up()
    sources = {} if algorithm is None else vars(algorithm)
    sources = sources.setdefault("network_sources", {})
    try:
        entry = networks()[name]
    except KeyError as error:
        if name not in sources:
            raise
        source = sources[name]
        fix = (
            f"from the distribution {source!r}: pip install {source}"
            if source
            else "from the program that trained it: add it to `networks()` first"
        )
        raise type(error)(f"{error} The saved agent had it {fix}.") from error
    sources[name] = entry.distribution
    return entry
