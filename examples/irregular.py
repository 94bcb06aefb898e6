"""A liquid network that knows how much time has passed.

    python examples/irregular.py [--seeds 3] [--steps 100000]

CartPole without velocities, seen at irregular times: an action lasts one to four steps
of the simulation, by chance, and the observation says how long it was. To know the
velocities an agent must set what has moved in relation to the time that it took. Rows:

- "liquid, dt is time": `timespan_key="dt"`, the cell evolves by that time;
- "liquid, dt is a feature": the same network gets it as one more number;
- "liquid, no dt": it is hidden;
- "LSTM, dt is a feature": sb3-contrib's MultiInputLstmPolicy.

All have the settings of rl-baselines3-zoo's CartPoleNoVel-v1. A score is the mean
return of 40 episodes of the deterministic policy after the last step, of at most 500.
"""

from __future__ import annotations

import multiprocessing
import statistics
from typing import Any

import click
import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TransformObservation
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROWS = (
    "liquid, dt is time",
    "liquid, dt is a feature",
    "liquid, no dt",
    "LSTM, dt is a feature",
)
MOST = 4  # steps that an action lasts


class IrregularTime(gym.Wrapper[Any, Any, Any, Any]):
    """Repeats each action one to `MOST` times, by chance, and reports how often.

    Observations are dicts: "obs" is the environment's own, "dt" the repeats since the
    last observation, divided by their mean, so that times are around 1.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        dt = spaces.Box(0.0, np.inf, (1,), np.float32)
        self.observation_space = spaces.Dict(obs=env.observation_space, dt=dt)

    def reset(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode; nothing has passed before it, so its first dt is 1."""
        obs, info = self.env.reset(**options)
        return self._with_time(obs, 1.0), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Takes the action as often as chance says, or until the episode ends."""
        repeats = int(self.np_random.integers(1, MOST + 1))
        total, passed, over = 0.0, 0, False
        while passed < repeats and not over:
            obs, reward, terminated, truncated, info = self.env.step(action)
            total, passed = total + float(reward), passed + 1
            over = terminated or truncated
        dt = 2 * passed / (MOST + 1)
        return self._with_time(obs, dt), total, terminated, truncated, info

    def _with_time(self, obs: Any, dt: float) -> dict[str, Any]:
        return {"obs": obs, "dt": np.array([dt], np.float32)}


def make_env(row: str) -> gym.Env[Any, Any]:
    env = gym.make("CartPole-v1")
    shown = np.array([1, 0, 1, 0], np.float32)  # no velocities
    env = TransformObservation(env, lambda obs: obs * shown, env.observation_space)
    env = IrregularTime(env)
    if row == "liquid, no dt":
        hidden = spaces.Dict(obs=env.observation_space["obs"])
        return TransformObservation(env, lambda obs: {"obs": obs["obs"]}, hidden)
    return env


def train(job: tuple[str, int, int]) -> tuple[str, float]:
    """Returns the row and the score of one agent, in a process of its own."""
    import torch
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.vec_env import VecNormalize

    import velora.sb3  # noqa: F401  # makes "LiquidPolicy" known

    row, seed, steps = job
    torch.set_num_threads(1)
    policy, options = "LiquidPolicy", {"n_neurons": 160}  # 64 of them remember
    if row == "liquid, dt is time":
        options["timespan_key"] = "dt"
    if row == "LSTM, dt is a feature":
        policy, options = "MultiInputLstmPolicy", {"lstm_hidden_size": 64}
    env = VecNormalize(
        make_vec_env(lambda: make_env(row), n_envs=8, seed=seed),
        gamma=0.98,
        norm_obs_keys=["obs"],  # times stay times
    )
    model = RecurrentPPO(
        policy,
        env,
        n_steps=32,
        batch_size=256,
        gae_lambda=0.8,
        gamma=0.98,
        n_epochs=20,
        learning_rate=lambda left: 1e-3 * left,
        clip_range=lambda left: 0.2 * left,
        policy_kwargs=options,
        seed=seed,
        device="cpu",
    )
    model.learn(steps)
    seen = make_vec_env(lambda: make_env(row), n_envs=8, seed=seed + 1000)
    seen = VecNormalize(seen, training=False, norm_reward=False, norm_obs_keys=["obs"])
    seen.obs_rms = env.obs_rms
    score, _ = evaluate_policy(model, seen, n_eval_episodes=40)
    return row, float(score)


@click.command()
@click.option("--seeds", default=3, help="Seeds of each row.")
@click.option("--steps", default=100_000, help="Observations to learn from.")
@click.option("--jobs", default=2, help="Runs at a time, a core each.")
def main(seeds: int, steps: int, jobs: int) -> None:
    """Trains the four rows and compares them."""
    work = [(row, seed, steps) for seed in range(seeds) for row in ROWS]
    scores: dict[str, list[float]] = {row: [] for row in ROWS}
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        done = pool.imap_unordered(train, work)
        for row, score in track(done, "training", total=len(work)):
            scores[row].append(score)
    table = Table("", "mean", "seeds")
    for row, found in scores.items():
        seen = " ".join(f"{score:.0f}" for score in sorted(found))
        table.add_row(row, f"{statistics.mean(found):.0f}", seen)
    Console().print(table)


if __name__ == "__main__":
    main()
