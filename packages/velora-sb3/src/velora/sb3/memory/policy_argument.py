"""Which policies an algorithm with memory takes."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm


def check_policy(
    algorithm: type[BaseAlgorithm], policy: Any, family: type[Any]
) -> None:
    """Refuses a policy that carries no state, or is for another algorithm.

    Args:
        algorithm: whose aliases are known.
        policy: a name, or a class.
        family: what a class inherits from.

    Raises:
        TypeError: it is a class of another kind.
        ValueError: it is not known.
    """
    name = algorithm.__name__
    if isinstance(policy, str):
        if policy not in algorithm.policy_aliases:
            theirs = "stable_baselines3."
            bases = [b for b in algorithm.__mro__ if b.__module__.startswith(theirs)]
            raise ValueError(
                f"{name} needs a policy that carries a state: one of "
                f"{list(algorithm.policy_aliases)}; got {policy!r}. Pass others to "
                f"{bases[0].__name__}."
            )
    elif not issubclass(policy, family):
        raise TypeError(
            f"A policy of {name} must inherit from {family.__name__}, by which it "
            f"carries a state; got {policy.__module__}.{policy.__qualname__}. Pass a "
            f'name, as in {name}("LiquidPolicy", env); load a file by the algorithm '
            "that it is of."
        )
