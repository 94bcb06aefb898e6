"""Saves small agents and what they do, for later versions to load and compare.

    python tests/sb3/older/make.py tests/sb3/older/COMMIT [NAME ...]

Without names it makes all of `agents`. Run it in the environment of the commit whose
files are wanted; `test_older_files.py` loads all that lies beside this script.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from agents import ALGORITHMS, POLICIES, make_agent, make_env, sample_observations
from sb3_contrib import RecurrentPPO
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv

from velora.sb3 import LiquidExtractor, NCPExtractor
from velora.sb3.features import WindowExtractor

SMALL: dict[str, Any] = {"n_neurons": 6}


def agents() -> dict[str, Any]:
    """Makes an agent of each kind, by the name of its file."""
    made = {
        f"{algorithm}-{policy}": make_agent(algorithm, policy, policy_kwargs=SMALL)
        for algorithm in ALGORITHMS
        for policy in POLICIES
    }

    def recurrent(actions: str = "box", **options: Any) -> Any:
        env = DummyVecEnv([lambda: make_env("flat", actions)])
        sizes: dict[str, Any] = {"n_steps": 16, "batch_size": 8, "seed": 1}
        sizes["use_sde"] = options.pop("use_sde", False)
        kwargs = (SMALL if options.pop("small", True) else {}) | options
        return RecurrentPPO("LiquidPolicy", env, policy_kwargs=kwargs, **sizes)

    shared = {"shared_lstm": True, "enable_critic_lstm": False}
    made |= {
        "RecurrentPPO": recurrent(),
        "RecurrentPPO-discrete": recurrent("discrete"),
        "RecurrentPPO-shared": recurrent(**shared),
        "RecurrentPPO-feed-forward": recurrent(enable_critic_lstm=False),
        "RecurrentPPO-sde": recurrent(use_sde=True),
        "PPO-xavier": make_agent(
            "PPO", policy_kwargs=SMALL | {"init_type": "xavier", "sparsity_level": 0.8}
        ),
        "PPO-roles": make_agent("PPO", policy_kwargs={"n_neurons": {"pi": 5, "vf": 7}}),
        "PPO-dense": make_agent(
            "PPO", policy_kwargs={"network_kwargs": {"wiring": "dense"}}
        ),
        "PPO-window-extractor": make_agent(
            "PPO",
            "LiquidPolicy",
            policy_kwargs={"features_extractor_class": WindowExtractor},
        ),
        # Without sizes, so what the policies choose by themselves.
        "RecurrentPPO-default": recurrent(small=False),
        "PPO-window": PPO(
            "LiquidPolicy", make_env("window", "box"), n_steps=16, batch_size=8
        ),
        "PPO-default": PPO(
            "NCPPolicy", make_env("flat", "box"), n_steps=16, batch_size=8
        ),
        "SAC-default": SAC("NCPPolicy", make_env("flat", "box"), learning_starts=8),
        "DQN-default": DQN(
            "NCPPolicy", make_env("flat", "discrete"), learning_starts=8
        ),
    }
    for name, extractor, observations in (
        ("PPO-NCPExtractor", NCPExtractor, "flat"),
        ("PPO-LiquidExtractor", LiquidExtractor, "window"),
    ):
        options = {
            "net_arch": [4],
            "features_extractor_class": extractor,
            "features_extractor_kwargs": {"n_neurons": 6, "features_dim": 4},
        }
        env = make_env(observations, "box")
        made[name] = PPO(
            "MlpPolicy", env, policy_kwargs=options, n_steps=16, batch_size=8
        )
    return made


def actions_of(model: Any) -> np.ndarray:
    """Returns the deterministic actions of five steps, with what is remembered."""
    state, actions = None, []
    for observation in sample_observations(model):
        action, state = model.predict(observation, state, deterministic=True)
        actions.append(action)
    return np.stack(actions)


def main(folder: Path, names: list[str]) -> None:
    """Trains agents for a few updates, and saves them, their policies and actors."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, model in agents().items():
        if names and name not in names:
            continue
        model.learn(getattr(ALGORITHMS.get(type(model).__name__), "steps", 32))
        model.save(folder / f"{name}.zip", exclude=["replay_buffer"])
        expected[name] = actions_of(model)
        if name.endswith(("NCPPolicy", "Extractor", "-window")) or name in (
            "RecurrentPPO",
            "RecurrentPPO-default",
        ):
            model.policy.save(folder / f"{name}.policy.pt")
        if name == "SAC-NCPPolicy":
            model.actor.save(folder / f"{name}.actor.pt")
    np.savez(folder / "actions.npz", **expected)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), sys.argv[2:])
