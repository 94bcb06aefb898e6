"""An agent from its file, whichever algorithm has written it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from stable_baselines3 import DDPG, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import load_from_zip_file

import velora.sb3  # noqa: F401  # makes the policies known to every algorithm

# DDPG is TD3 with these settings and has its policies; no file says more than that.
_OF_DDPG = {"policy_delay": 1, "target_noise_clip": 0.0, "target_policy_noise": 0.1}


def load_agent(path: str, algorithm: str | None = None) -> BaseAlgorithm:
    """Loads an agent onto the CPU.

    A file does not say which algorithm it is of. It is one that knows the policy, and
    the one whose settings the file holds.

    Args:
        path: what `save` has written. It can run code: load only what you trust.
        algorithm: the name of its class; None finds it.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no agent's, or no algorithm fits or has this name.
    """
    known = {kind.__name__: kind for kind in _algorithms()}
    if algorithm is not None:
        if algorithm not in known:
            raise ValueError(
                f"The algorithm must be one of {sorted(known)}; got {algorithm!r}."
            )
        return known[algorithm].load(path, device="cpu")
    data, _, _ = load_from_zip_file(path, device="cpu")
    policy = (data or {}).get("policy_class")
    if data is None or not isinstance(policy, type):
        raise ValueError(
            f"{path!r} must be what `model.save` has written; it names no policy."
        )
    fitting = [kind for kind in known.values() if _knows(kind, policy)]
    if not fitting:
        raise ValueError(
            f"{path!r} must be of an algorithm that has policies of Velora; its policy "
            f"is {policy.__name__}, which none of {sorted(known)} knows."
        )
    kind = max(fitting, key=lambda kind: _fit(kind, policy, data))
    if kind is TD3 and all(data.get(name) == fixed for name, fixed in _OF_DDPG.items()):
        kind = DDPG
    return kind.load(path, device="cpu")


def _algorithms() -> Iterator[type[BaseAlgorithm]]:
    """Yields the algorithms that have policies of Velora."""
    kinds: list[Any] = [BaseAlgorithm]
    for kind in kinds:
        kinds += [below for below in kind.__subclasses__() if below not in kinds]
        if "LiquidPolicy" in getattr(kind, "policy_aliases", {}):
            yield kind


def _knows(kind: type[BaseAlgorithm], policy: type) -> bool:
    return issubclass(policy, tuple(kind.policy_aliases.values()))


def _fit(
    kind: type[BaseAlgorithm], policy: type, data: dict[str, Any]
) -> tuple[bool, int, int]:
    """Says how well an algorithm fits: by its policies, then by its settings."""
    settings = set(inspect.signature(kind).parameters)
    found, missing = settings & data.keys(), settings - data.keys()
    return policy in kind.policy_aliases.values(), len(found), -len(missing)
