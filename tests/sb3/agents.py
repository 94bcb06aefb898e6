"""Random environments and small agents of every algorithm, for all tests here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from gymnasium import spaces
from gymnasium.wrappers import FrameStackObservation
from stable_baselines3.common.base_class import BaseAlgorithm

import velora.sb3  # noqa: F401  # makes the policies known by name
from velora.models.lnn import SparseLinear

OBSERVATIONS: dict[str, spaces.Space[Any]] = {
    "flat": spaces.Box(-1, 1, (6,), np.float32),
    "window": spaces.Box(-1, 1, (6,), np.float32),  # stacked by the environment
    "image": spaces.Box(0, 255, (36, 36, 1), np.uint8),
    "dict": spaces.Dict(a=spaces.Box(-1, 1, (3,), np.float32), b=spaces.Discrete(3)),
    "discrete": spaces.Discrete(5),
    "multi_discrete": spaces.MultiDiscrete([3, 2]),
    "multi_binary": spaces.MultiBinary(4),
}
ACTIONS: dict[str, spaces.Space[Any]] = {
    "box": spaces.Box(-1, 1, (3,), np.float32),
    "discrete": spaces.Discrete(4),
    "multi_discrete": spaces.MultiDiscrete([2, 3]),
    "multi_binary": spaces.MultiBinary(5),
}
N_MASKED = {"discrete": 4, "multi_discrete": 5, "multi_binary": 10}


@dataclass(frozen=True)
class Algorithm:
    """What an algorithm takes, and settings with which it learns in a blink."""

    actions: tuple[str, ...]
    steps: int
    settings: dict[str, Any]
    policy_kwargs: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()  # observations that the algorithm cannot take


_ROLLOUT = {"n_steps": 16, "batch_size": 8, "n_epochs": 2}
_REPLAY = {"buffer_size": 64, "learning_starts": 8, "batch_size": 4}
ALGORITHMS = {
    "PPO": Algorithm(tuple(ACTIONS), 32, _ROLLOUT),
    "A2C": Algorithm(tuple(ACTIONS), 32, {"n_steps": 8}),
    "TRPO": Algorithm(tuple(ACTIONS), 32, {"n_steps": 16, "batch_size": 8}),
    "MaskablePPO": Algorithm(tuple(N_MASKED), 32, _ROLLOUT),
    "SAC": Algorithm(("box",), 16, _REPLAY),
    "TQC": Algorithm(("box",), 16, _REPLAY, {"n_quantiles": 5}),
    # It puts two batches of observations together, which dicts do not allow.
    "CrossQ": Algorithm(("box",), 16, _REPLAY, without=("dict",)),
    "TD3": Algorithm(("box",), 16, _REPLAY),
    "DDPG": Algorithm(("box",), 16, _REPLAY),
    "DQN": Algorithm(("discrete",), 20, _REPLAY),
    "QRDQN": Algorithm(("discrete",), 20, _REPLAY, {"n_quantiles": 5}),
    "ARS": Algorithm(("box", "discrete"), 80, {"n_delta": 2, "zero_policy": False}),
}
POLICIES = ("NCPPolicy", "LiquidPolicy")


def algorithm_class(name: str) -> type[BaseAlgorithm]:
    """Finds an algorithm in one of the two libraries."""
    library = stable_baselines3 if hasattr(stable_baselines3, name) else sb3_contrib
    kind: type[BaseAlgorithm] = getattr(library, name)
    return kind


class RandomEnv(gym.Env[Any, Any]):
    """Random observations, random rewards, episodes of ten steps."""

    def __init__(self, observations: str, actions: str) -> None:
        self.observation_space = OBSERVATIONS[observations]
        self.action_space = ACTIONS[actions]
        self.n_masked = N_MASKED.get(actions, 0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.left = 10
        return self.observation_space.sample(), {}

    def step(self, action: object) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        reward = float(self.np_random.normal())
        return self.observation_space.sample(), reward, self.left == 0, False, {}

    def action_masks(self) -> np.ndarray:
        """Forbids the second choice, for MaskablePPO."""
        return np.arange(self.n_masked) != 1


def make_env(
    observations: str = "flat", actions: str = "discrete", window: int = 4
) -> gym.Env[Any, Any]:
    """Makes a random environment by the names of its spaces."""
    env: gym.Env[Any, Any] = RandomEnv(observations, actions)
    return FrameStackObservation(env, window) if observations == "window" else env


def make_agent(
    algorithm: str = "PPO",
    policy: str = "NCPPolicy",
    observations: str | None = None,
    actions: str | None = None,
    **kwargs: Any,
) -> Any:
    """Makes a small agent; a liquid one gets windows unless told otherwise."""
    spec = ALGORITHMS[algorithm]
    if observations is None:
        observations = "window" if policy == "LiquidPolicy" else "flat"
    options = {"n_neurons": 12} | spec.policy_kwargs
    if observations == "image":
        options["features_extractor_kwargs"] = {"features_dim": 16}
    options |= kwargs.pop("policy_kwargs", {})
    settings: dict[str, Any] = {"seed": 1, "device": "cpu"} | spec.settings
    env = make_env(observations, actions or spec.actions[0])
    return algorithm_class(algorithm)(
        policy, env, policy_kwargs=options, **(settings | kwargs)
    )


def learn(model: Any) -> Any:
    """Lets an agent learn for a few updates."""
    return model.learn(ALGORITHMS[type(model).__name__].steps)


def sample_observations(model: Any, n: int = 5) -> Any:
    """Draws observations from the space of an agent, the same ones each time."""
    space = model.observation_space
    space.seed(7)
    samples = [space.sample() for _ in range(n)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([s[key] for s in samples]) for key in space}
    return np.stack(samples)


def predict(model: Any) -> np.ndarray:
    """Returns the deterministic actions for those observations."""
    observations = sample_observations(model)
    actions: np.ndarray = model.predict(observations, deterministic=True)[0]
    return actions


def sparse_layers(module: torch.nn.Module) -> list[SparseLinear]:
    """Returns every sparse layer inside a module."""
    return [layer for layer in module.modules() if isinstance(layer, SparseLinear)]
