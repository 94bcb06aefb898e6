"""An agent from its file, and the statistics that it sees with."""

from __future__ import annotations

import gymnasium as gym
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from velora.sb3.loading import load_agent

__all__ = ["load_agent", "normalise"]


def normalise(model: BaseAlgorithm, path: str, env: str) -> None:
    """Lets a model see observations as the statistics of a file make them.

    Args:
        model: which gets environments that they belong to.
        path: what `VecNormalize.save` has written, a pickle.
        env: the name of an environment.

    Raises:
        ValueError: the environment has other spaces.
    """
    made = DummyVecEnv([lambda: gym.make(env)] * model.n_envs)  # it takes no others
    model.set_env(VecNormalize.load(path, made))
