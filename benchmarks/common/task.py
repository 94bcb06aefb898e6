"""What a user learns with MlpPolicy, and the same with a word changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

import gymnasium as gym

from common.matched import AS_NCP, matched
from common.training import AgentJob

LAYERS = ("net_arch", "activation_fn", "ortho_init")  # of an MLP
OWN_SIZE = "NCPPolicy, own size"
MODULES = {"box2d": ("Box2D", "pygame"), "mujoco": ("mujoco",)}  # of gymnasium's extras


@dataclass(frozen=True)
class Task:
    """An algorithm, the environment that it learns, and a user's settings for it.

    Attributes:
        algorithm: Of Stable-Baselines3 or sb3-contrib.
        env: The name of an environment, or a function of a module that makes one.
        steps: Of the environment.
        chance: The mean return of actions at random, of 200 episodes, rounded.
        solved: The return that counts as learned; None where there is no such.
        settings: Those of the algorithm that are not its defaults.
        policy_kwargs: MlpPolicy's.
        env_kwargs: What the environment is made with.
        n_envs: Environments side by side.
        is_normalized: Whether VecNormalize is around them.
        extra: Of gymnasium, where the environment needs more than its core: it is
            called as the library that it brings.
    """

    algorithm: str
    env: str | Callable[..., gym.Env[Any, Any]]
    steps: int
    chance: float
    solved: float | None
    settings: dict[str, Any] = field(default_factory=dict)
    policy_kwargs: dict[str, Any] = field(default_factory=dict)
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    n_envs: int = 1
    is_normalized: bool = False
    extra: str = ""

    def dropped(self, row: str) -> dict[str, Any]:
        """Returns what a row leaves out of the user's policy_kwargs."""
        if row.startswith("MlpPolicy") or row == "NCPPolicy":
            return {}
        return {k: v for k, v in self.policy_kwargs.items() if k in LAYERS}

    def job(
        self, names: dict[str, str], policy: str, seed: int, steps: int | None
    ) -> AgentJob:
        """Returns the run of a policy, with the task's own steps if no others.

        "NCPPolicy, own size" is without the user's arguments for layers, "NCPPolicy,
        738 neurons" has so many. "MlpPolicy, our synapses" and "MlpPolicy, our
        parameters" have two layers of the width with which they are as large as the
        former, with ", tanh" after it also MlpPolicy's own activation and initial
        values in the place of the task's; "MlpPolicy, as NCPPolicy" is as large as that
        is with all arguments.
        """
        dropped = self.dropped(policy)
        policy, _, what = policy.partition(", ")
        sized = {}
        if what.endswith(" neurons"):
            sized = {"n_neurons": int(what.removesuffix(" neurons"))}
        elif policy == "MlpPolicy" and what:
            what, _, own = what.partition(", ")
            row = "NCPPolicy" if what == AS_NCP else OWN_SIZE
            ours = self.job(names, row, seed, steps)
            plain = self.job(names, policy, seed, steps)
            if own:
                options = dict(plain.policy_kwargs)
                for name in ("activation_fn", "ortho_init"):
                    options.pop(name, None)
                plain = replace(plain, policy_kwargs=options)

            def of_width(width: int) -> AgentJob:
                net_arch = {"net_arch": [width, width]}
                return replace(plain, policy_kwargs=plain.policy_kwargs | net_arch)

            return matched(ours, of_width, what)
        return AgentJob(
            names,
            self.algorithm,
            policy,
            self.env,
            seed,
            steps or self.steps,
            self.settings,
            {k: v for k, v in self.policy_kwargs.items() if k not in dropped} | sized,
            self.env_kwargs,
            self.n_envs,
            self.is_normalized,
            (self.extra,) if self.extra else (),
        )

    @property
    def is_available(self) -> bool:
        """Whether what the environment needs is installed."""
        return all(map(find_spec, MODULES.get(self.extra, ())))
