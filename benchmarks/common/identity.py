"""Stable-Baselines3's own learning tests, as one run: repeat what you see.

The algorithms, steps, settings and the return to pass are those of its
tests/test_identity.py; the seed is the run's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.envs import (
    IdentityEnv,
    IdentityEnvBox,
    IdentityEnvMultiBinary,
    IdentityEnvMultiDiscrete,
)
from stable_baselines3.common.noise import NormalActionNoise

from common.task import Task
from common.training import AgentJob, train
from common.versions import digest

PASSED = 90  # of an episode's 100 steps
SHORT = {"n_steps": 256, "n_epochs": 4}
NOISE = {"action_noise": NormalActionNoise(np.zeros(1), np.full(1, 0.1))}
LAYERS = {"net_arch": [64, 64]}


def discrete(algorithm: str, env: type, **settings: Any) -> Task:
    """Returns the task to repeat four symbols, two pairs of four, or four bits."""
    settings = {"gamma": 0.4, "learning_rate": 2e-3} | settings
    return Task(algorithm, env, 1200, 0, PASSED, settings, env_kwargs={"dim": 4})


def continuous(
    algorithm: str, steps: int, settings: dict[str, Any], policy_kwargs: dict[str, Any]
) -> Task:
    """Returns the task to repeat a number within half."""
    settings = {"learning_rate": 1e-3} | settings
    half = {"eps": 0.5}
    return Task(
        algorithm, IdentityEnvBox, steps, 0, PASSED, settings, policy_kwargs, half
    )


CASES = {
    "A2C, one of four": discrete("A2C", IdentityEnv),
    "A2C, two of four": discrete("A2C", IdentityEnvMultiDiscrete),
    "A2C, four bits": discrete("A2C", IdentityEnvMultiBinary),
    "PPO, one of four": discrete("PPO", IdentityEnv, **SHORT),
    "PPO, two of four": discrete("PPO", IdentityEnvMultiDiscrete, **SHORT),
    "PPO, four bits": discrete("PPO", IdentityEnvMultiBinary, **SHORT),
    "DQN, one of four": discrete("DQN", IdentityEnv, learning_starts=0),
    "A2C, a number": continuous(
        "A2C", 2000, {"gamma": 0.95}, LAYERS | {"log_std_init": -0.5}
    ),
    "PPO, a number": continuous("PPO", 1000, SHORT, {}),
    "SAC, a number": continuous("SAC", 400, {"gamma": 0.95}, LAYERS),
    "DDPG, a number": continuous("DDPG", 400, {"gamma": 0.95}, LAYERS),
    "TD3, a number": continuous("TD3", 400, {"gamma": 0.95} | NOISE, LAYERS),
}


@dataclass(frozen=True)
class Suite:
    """Several agents as one job of the runner; its score is how many of them pass."""

    names: dict[str, str]
    seed: int
    cases: dict[str, AgentJob]

    @property
    def label(self) -> dict[str, Any]:
        """Which row it is of, and which seed."""
        return self.names | {"seed": self.seed}

    @property
    def key(self) -> dict[str, Any]:
        """All that the agents depend on."""
        keys = {name: case.key for name, case in self.cases.items()}
        return {"passed": PASSED, "suite": digest([__name__]), "cases": keys}


def suite(names: dict[str, str], policy: str, seed: int, steps: int | None) -> Suite:
    """Returns the run of a policy on all cases, with their own steps if no others."""
    cases = {name: case.job(names, policy, seed, steps) for name, case in CASES.items()}
    return Suite(names, seed, cases)


def train_any(job: AgentJob | Suite) -> dict[str, Any]:
    """Trains and evaluates an agent, or those of a suite one after the other."""
    if isinstance(job, AgentJob):
        return train(job)
    rows = {name: train(case) for name, case in job.cases.items()}
    steps = sum(row["steps"] for row in rows.values())
    return {
        "steps": steps,
        "score": float(sum(row["score"] > PASSED for row in rows.values())),
        "steps/s": steps / sum(row["steps"] / row["steps/s"] for row in rows.values()),
        "parameters": sum(row["parameters"] for row in rows.values()),
        "active": sum(row["active"] for row in rows.values()),
        "curve": [],
        "cases": {name: row["score"] for name, row in rows.items()},
    }
