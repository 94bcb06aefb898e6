"""Tasks that hide velocities: a liquid memory, an LSTM and stacked frames.

    python benchmarks/novel.py [--task CartPole ...] [--seeds 5] [--json F] [--png F]

With --json, what is in that file already is not trained again, so a comparison may be
stopped and go on.

CartPole, Pendulum and MountainCarContinuous with their velocities set to zero, with the
settings and steps of rl-baselines3-zoo's CartPoleNoVel-v1, PendulumNoVel-v1 and
MountainCarContinuousNoVel-v0 for every row (hyperparams/ppo_lstm.yml). Rows:

- "liquid": RecurrentPPO with LiquidPolicy, as many command neurons as the LSTM has
  hidden units;
- "LSTM": RecurrentPPO with MlpLstmPolicy;
- "frames": PPO with MlpPolicy on the last four observations;
- "window": PPO with LiquidPolicy on the same four, its cell run over them;
- "ncps-cfc" and "ncps-ltc", if asked for: as "liquid" with that network, of the plugin
  examples/plugins/velora-ncps, which has to be installed.

A seed's score is the mean return of 40 episodes of the deterministic policy after the
last step; no checkpoint is chosen by it. The picture shows returns while learning.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import gymnasium as gym
import numpy as np
from classic_control import summarise
from gymnasium.wrappers import FrameStackObservation, TransformObservation
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

ROWS = ("liquid", "LSTM", "frames", "window")
PLUGIN_ROWS = ("ncps-cfc", "ncps-ltc")


@dataclass
class Task:
    """An environment, what it hides, and the zoo's settings for it."""

    env: str
    hidden: list[int]  # the indices of velocities
    steps: int
    n_envs: int
    settings: dict[str, Any]
    hidden_size: int
    policy_kwargs: dict[str, Any]


RELU = {"ortho_init": False, "activation_fn": nn.ReLU}
TASKS = {
    "CartPole": Task(
        "CartPole-v1",
        [1, 3],
        100_000,
        8,
        {
            "n_steps": 32,
            "batch_size": 256,
            "gae_lambda": 0.8,
            "gamma": 0.98,
            "n_epochs": 20,
            "learning_rate": ("linear", 1e-3),
            "clip_range": ("linear", 0.2),
        },
        64,
        RELU,
    ),
    "Pendulum": Task(
        "Pendulum-v1",
        [2],
        100_000,
        4,
        {
            "n_steps": 1024,
            "batch_size": 128,
            "gamma": 0.9,
            "learning_rate": 1e-3,
            "use_sde": True,
            "sde_sample_freq": 4,
        },
        64,
        RELU,
    ),
    "MountainCar": Task(
        "MountainCarContinuous-v0",
        [1],
        300_000,
        8,
        {
            "n_steps": 1024,
            "batch_size": 256,
            "gamma": 0.9999,
            "learning_rate": 7.77e-5,
            "ent_coef": 0.00429,
            "clip_range": 0.1,
            "gae_lambda": 0.9,
            "max_grad_norm": 5,
            "vf_coef": 0.19,
            "use_sde": True,
            "sde_sample_freq": 8,
        },
        32,
        {"ortho_init": False},
    ),
}


def without_velocity(task: Task, frames: int = 1) -> Callable[[], gym.Env[Any, Any]]:
    """Returns what makes the environment, with a window where there are frames."""

    def make() -> gym.Env[Any, Any]:
        env = gym.make(task.env)
        space = env.observation_space
        shown = np.ones(space.shape, dtype=np.float32)
        shown[task.hidden] = 0
        env = TransformObservation(env, lambda seen: seen * shown, space)
        return FrameStackObservation(env, frames) if frames > 1 else env

    return make


def make_agent(name: str, row: str, seed: int) -> Any:
    """Makes the agent of a row, its environments normalised as in the zoo."""
    from sb3_contrib import RecurrentPPO
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    import velora.sb3  # noqa: F401  # makes the policies known to the algorithms

    task = TASKS[name]
    settings = {
        key: (lambda left, start=value[1]: start * left)  # falls to zero
        if isinstance(value, tuple)
        else value
        for key, value in task.settings.items()
    }
    frames = 4 if row in ("frames", "window") else 1
    env = make_vec_env(without_velocity(task, frames), task.n_envs, seed=seed)
    # Two fifths of the decision neurons are command neurons.
    liquid = {"n_neurons": task.hidden_size * 5 // 2, "ortho_init": False}
    lstm = {"lstm_hidden_size": task.hidden_size, "net_arch": [64]}
    algorithm, policy, options = {
        "liquid": (RecurrentPPO, "LiquidPolicy", liquid),
        "LSTM": (RecurrentPPO, "MlpLstmPolicy", task.policy_kwargs | lstm),
        "frames": (PPO, "MlpPolicy", task.policy_kwargs | {"net_arch": [64, 64]}),
        "window": (PPO, "LiquidPolicy", liquid),
        "ncps-cfc": (RecurrentPPO, "LiquidPolicy", liquid | {"network": row}),
        "ncps-ltc": (RecurrentPPO, "LiquidPolicy", liquid | {"network": row}),
    }[row]
    return algorithm(
        policy,
        VecNormalize(env, gamma=settings["gamma"]),
        policy_kwargs=options,
        seed=seed,
        device="cpu",
        **settings,
    )


def train(job: tuple[str, str, int, int]) -> dict[str, Any]:
    """Trains and evaluates one agent in a process and a thread of its own."""
    import torch
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.vec_env import VecNormalize

    from velora.utils import active_parameters, total_parameters

    class Curve(BaseCallback):
        """Notes the mean return of the last hundred episodes after each rollout."""

        def __init__(self) -> None:
            super().__init__()
            self.points: list[tuple[int, float]] = []

        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            if returns := [info["r"] for info in self.model.ep_info_buffer]:
                point = self.num_timesteps, statistics.mean(returns)
                self.points.append(point)

    name, row, seed, steps = job
    torch.set_num_threads(1)
    # The last, shorter minibatch is meant.
    warnings.filterwarnings("ignore", "You have specified a mini-batch size")
    task, curve = TASKS[name], Curve()
    model = make_agent(name, row, seed)
    start = time.perf_counter()
    model.learn(steps, callback=curve)
    seconds = time.perf_counter() - start
    frames = 4 if row in ("frames", "window") else 1
    evaluation = VecNormalize(
        make_vec_env(without_velocity(task, frames), 8, seed=seed + 1000),
        training=False,
        norm_reward=False,
    )
    evaluation.obs_rms = model.get_vec_normalize_env().obs_rms
    score, _ = evaluate_policy(model, evaluation, n_eval_episodes=40)
    return {
        "task": name,
        "policy": row,
        "seed": seed,
        "steps": steps,
        "score": float(score),
        "steps/s": steps / seconds,
        "parameters": total_parameters(model.policy),
        "active": active_parameters(model.policy),
        "curve": curve.points,
    }


def job_of(run: dict[str, Any]) -> tuple[str, str, int, int]:
    """Returns the job that a run was."""
    return run["task"], run["policy"], run["seed"], run["steps"]


def draw(runs: list[dict[str, Any]], path: Path) -> None:
    """Draws returns while learning: the mean over seeds, and each seed faintly."""
    import matplotlib.pyplot as plt

    names = [name for name in TASKS if any(run["task"] == name for run in runs)]
    figure, axes = plt.subplots(
        1, len(names), figsize=(5 * len(names), 3.6), squeeze=False, layout="tight"
    )
    for axis, name in zip(axes[0], names, strict=True):
        for color, row in enumerate((*ROWS, *PLUGIN_ROWS)):
            curves = [
                np.array(run["curve"])
                for run in runs
                if (run["task"], run["policy"]) == (name, row)
            ]
            if not (curves := [curve for curve in curves if len(curve)]):
                continue
            steps = max(curves, key=len)[:, 0]
            lines = [np.interp(steps, curve[:, 0], curve[:, 1]) for curve in curves]
            for line in lines:
                axis.plot(steps, line, color=f"C{color}", alpha=0.2, linewidth=0.8)
            axis.plot(steps, np.mean(lines, axis=0), color=f"C{color}", label=row)
        axis.set(title=f"{name} without velocity", xlabel="steps", ylabel="return")
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


@click.command()
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=click.Choice(list(TASKS)),
    help="Default: all.",
)
@click.option(
    "--row",
    "rows",
    multiple=True,
    type=click.Choice((*ROWS, *PLUGIN_ROWS)),
    help="Default: all but ncps' two.",
)
@click.option("--seeds", default=5, help="Seeds of each row.")
@click.option("--first-seed", default=0, help="Seeds count from here.")
@click.option("--steps", type=int, help="Steps of each run, if not the task's.")
@click.option("--jobs", default=2, help="Runs at a time, a core each.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write here too.")
@click.option("--png", type=click.Path(path_type=Path), help="Draw the curves here.")
def main(
    tasks: tuple[str, ...],
    rows: tuple[str, ...],
    seeds: int,
    first_seed: int,
    steps: int | None,
    jobs: int,
    path: Path | None,
    png: Path | None,
) -> None:
    """Trains every row with every seed on every task and compares them."""
    pairs = [(task, row) for task in tasks or TASKS for row in rows or ROWS]
    numbers = range(first_seed, first_seed + seeds)
    wanted = [
        (*pair, seed, steps or TASKS[pair[0]].steps)
        for seed in numbers
        for pair in pairs
    ]
    earlier = json.loads(path.read_text())["runs"] if path and path.exists() else []
    found = {job_of(run): run for run in earlier}
    work = [job for job in wanted if job not in found]
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
        done = pool.imap_unordered(train, work)
        for run in track(done, "training", total=len(work)):
            found[job_of(run)] = run
            if path:  # an interrupted write must not lose what was there
                part = path.with_suffix(".part")
                part.write_text(json.dumps({"runs": list(found.values())}, indent=2))
                part.replace(path)
    runs = [found[job] for job in wanted]
    runs.sort(key=lambda run: (pairs.index((run["task"], run["policy"])), run["seed"]))
    summary = [
        summarise([run for run in runs if (run["task"], run["policy"]) == pair])
        for pair in pairs
    ]
    table = Table(*summary[0], title=f"{seeds} seeds from {first_seed}")
    for line in summary:
        table.add_row(*line.values(), end_section=line["policy"] == pairs[-1][1])
    Console().print(table)
    if png:
        draw(runs, png)


if __name__ == "__main__":
    main()
