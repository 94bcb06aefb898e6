"""Sparse, liquid and dense policies learn the same tasks, side by side.

    python benchmarks/classic_control.py [--task SAC ...] [--seeds 3] [--json FILE]

Every policy of a task has the same settings: those of rl-baselines3-zoo where it has
some, whose layers MlpPolicy gets as well. A seed's score is the mean return of 40
episodes of the deterministic policy after the last step; no checkpoint is chosen by it.
Where the zoo has none, NCPPolicy chose: those of PPO by its scores on seeds 0 to 4,
those of MaskablePPO and ARS by seed 0. Take other seeds there for a fair look:
`--first-seed 10`. Our policies have 64 neurons, more where NCPPolicy failed with 64 on
seeds 0 to 2: 128 with TD3 and DDPG, 256 with QR-DQN.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import gymnasium as gym
import numpy as np
from gymnasium.wrappers import FrameStackObservation, TransformObservation
from rich.console import Console
from rich.progress import track
from rich.table import Table

POLICIES = ("NCPPolicy", "LiquidPolicy", "MlpPolicy")


@dataclass
class Task:
    """An algorithm, the environment that it learns, and its settings."""

    env: str | Callable[[], gym.Env[Any, Any]]
    steps: int
    settings: dict[str, Any] = field(default_factory=dict)
    mlp: dict[str, Any] = field(default_factory=dict)  # what sizes MlpPolicy
    ours: dict[str, Any] = field(default_factory=dict)  # what sizes the other two
    n_envs: int = 1
    algorithm: str = ""  # where the task is not called by it
    shared: dict[str, Any] = field(default_factory=dict)  # policy_kwargs of all


def pendulum_without_velocity() -> gym.Env[Any, Any]:
    """Pendulum-v1 that shows its last four positions, (4, 2), and no velocity."""
    env = gym.make("Pendulum-v1")
    positions = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    env = TransformObservation(env, lambda observation: observation[:2], positions)
    return FrameStackObservation(env, 4)


def invalid_actions() -> gym.Env[Any, Any]:
    """sb3-contrib's InvalidActionEnvDiscrete: ten of 20 actions are invalid."""
    from sb3_contrib.common.envs import InvalidActionEnvDiscrete

    return InvalidActionEnvDiscrete(dim=20, n_invalid_actions=10)


OF_TD3 = {
    "gamma": 0.98,
    "buffer_size": 200_000,
    "learning_starts": 10_000,
    "gradient_steps": 1,
    "train_freq": 1,
    "learning_rate": 1e-3,
    "noise": 0.1,
}
OF_DQN = {
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1000,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
}
OF_PPO = {"n_steps": 128, "batch_size": 256, "rate": 3e-3, "clip": 0.2}
WIDE, OF_TD3_LAYERS = {"net_arch": [256, 256]}, {"net_arch": [400, 300]}
LARGER = {"n_neurons": 128}  # where 64, the size of the others, failed on a seed
TASKS = {
    "PPO": Task("CartPole-v1", 100_000, OF_PPO, n_envs=8),
    "SAC": Task("Pendulum-v1", 20_000, {"learning_rate": 1e-3}),
    "TD3": Task("Pendulum-v1", 20_000, OF_TD3, mlp=OF_TD3_LAYERS, ours=LARGER),
    "DDPG": Task("Pendulum-v1", 20_000, OF_TD3, mlp=OF_TD3_LAYERS, ours=LARGER),
    "TQC": Task("Pendulum-v1", 20_000, {"learning_rate": 1e-3}),
    "CrossQ": Task("Pendulum-v1", 20_000, {"policy_delay": 2}, mlp=WIDE),
    "DQN": Task("CartPole-v1", 50_000, OF_DQN, mlp=WIDE),
    "QRDQN": Task(
        "CartPole-v1",
        50_000,
        OF_DQN,
        mlp=WIDE,
        ours={"n_neurons": 256},
        shared={"n_quantiles": 10},
    ),
    "TRPO": Task(
        "CartPole-v1",
        100_000,
        {
            "n_steps": 512,
            "batch_size": 512,
            "cg_damping": 1e-3,
            "gae_lambda": 0.98,
            "learning_rate": 1e-3,
            "n_critic_updates": 20,
        },
        n_envs=2,
    ),
    "MaskablePPO": Task(
        invalid_actions, 16_384, {"learning_rate": 3e-3, "n_steps": 512}
    ),
    "ARS": Task(
        "CartPole-v1",
        50_000,
        {"n_delta": 2, "learning_rate": 0.05, "zero_policy": False},
    ),
    "SAC, no velocity": Task(
        pendulum_without_velocity,
        20_000,
        {"learning_rate": 1e-3},
        algorithm="SAC",
    ),
}


def make_agent(name: str, policy: str, seed: int) -> Any:
    """Makes the agent of a task."""
    import sb3_contrib
    import stable_baselines3
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.noise import NormalActionNoise

    import velora.sb3  # noqa: F401  # makes the policies known to the algorithms

    task = TASKS[name]
    settings = dict(task.settings)
    if noise := settings.pop("noise", None):
        settings["action_noise"] = NormalActionNoise(np.zeros(1), np.full(1, noise))
    for setting, start in (("learning_rate", "rate"), ("clip_range", "clip")):
        if initial := settings.pop(start, None):  # falls to zero
            settings[setting] = lambda left, initial=initial: initial * left
    algorithm = task.algorithm or name
    library = sb3_contrib if hasattr(sb3_contrib, algorithm) else stable_baselines3
    sizes = task.mlp if policy == "MlpPolicy" else {"n_neurons": 64} | task.ours
    with warnings.catch_warnings():
        # Most tasks need no memory, so a liquid policy may start from zero.
        warnings.filterwarnings("ignore", "A recurrent network", UserWarning)
        return getattr(library, algorithm)(
            policy,
            make_vec_env(task.env, n_envs=task.n_envs, seed=seed),
            policy_kwargs=sizes | task.shared,
            seed=seed,
            device="cpu",
            **settings,
        )


def train(job: tuple[str, str, int, int | None]) -> dict[str, Any]:
    """Trains and evaluates one agent in a process and a thread of its own."""
    import torch
    from sb3_contrib.common.maskable.evaluation import (
        evaluate_policy as evaluate_masked,
    )
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy

    from velora.utils import active_parameters, total_parameters

    name, policy, seed, steps = job
    torch.set_num_threads(1)
    model = make_agent(name, policy, seed)
    steps = steps or TASKS[name].steps
    start = time.perf_counter()
    model.learn(steps)
    seconds = time.perf_counter() - start
    evaluation = make_vec_env(TASKS[name].env, n_envs=8, seed=seed + 1000)
    evaluate = evaluate_masked if name == "MaskablePPO" else evaluate_policy
    score, _ = evaluate(model, evaluation, n_eval_episodes=40)
    return {
        "task": name,
        "policy": policy,
        "seed": seed,
        "score": float(score),
        "steps/s": steps / seconds,
        "parameters": total_parameters(model.policy),
        "active": active_parameters(model.policy),
    }


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    scores = [run["score"] for run in runs]
    return {
        "task": runs[0]["task"],
        "policy": runs[0]["policy"],
        "mean": f"{statistics.mean(scores):.1f} ± {statistics.pstdev(scores):.1f}",
        "worst seed": f"{min(scores):.1f}",
        "seeds": " ".join(f"{score:.0f}" for score in scores),
        "parameters": f"{runs[0]['parameters']:,}",
        "active": f"{runs[0]['active']:,}",
        "steps/s": f"{statistics.median(run['steps/s'] for run in runs):.0f}",
    }


@click.command()
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=click.Choice(list(TASKS)),
    help="Default: all.",
)
@click.option("--seeds", default=3, help="Seeds of each policy.")
@click.option("--first-seed", default=0, help="Seeds count from here.")
@click.option("--steps", type=int, help="Steps of each run, if not the task's.")
@click.option("--jobs", default=2, help="Runs at a time, a core each.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write here too.")
def main(
    tasks: tuple[str, ...],
    seeds: int,
    first_seed: int,
    steps: int | None,
    jobs: int,
    path: Path | None,
) -> None:
    """Trains every policy with every seed on every task and compares them."""
    numbers = range(first_seed, first_seed + seeds)
    rows = [(task, policy) for task in tasks or TASKS for policy in POLICIES]
    work = [(*row, seed, steps) for seed in numbers for row in rows]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        done = pool.imap_unordered(train, work)
        runs = list(track(done, "training", total=len(work)))
    runs.sort(key=lambda run: (rows.index((run["task"], run["policy"])), run["seed"]))
    summary = [
        summarise([run for run in runs if (run["task"], run["policy"]) == row])
        for row in rows
    ]
    table = Table(*summary[0], title=f"{seeds} seeds from {first_seed}")
    for line in summary:
        table.add_row(*line.values(), end_section=line["policy"] == POLICIES[-1])
    Console().print(table)
    if path:
        path.write_text(json.dumps({"runs": runs, "summary": summary}, indent=2))


if __name__ == "__main__":
    main()
