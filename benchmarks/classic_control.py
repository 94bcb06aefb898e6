"""Sparse, liquid and dense policies learn the same task, side by side.

    python benchmarks/classic_control.py [--seeds 5] [--jobs 2] [--json FILE]

PPO on CartPole-v1, with the same settings for every policy. A seed's score is the mean
return of 40 episodes of the deterministic policy after the last step; no checkpoint is
chosen by it. The settings were chosen by NCPPolicy's scores on seeds 0 to 4, so take
others for a fair look: `--first-seed 10`.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

POLICIES: dict[str, dict[str, Any]] = {
    "NCPPolicy": {"n_neurons": 64},
    "LiquidPolicy": {"n_neurons": 64},
    "MlpPolicy": {},  # Stable-Baselines3's default, two layers of 64
}
LEARNING_RATE = 3e-3  # falls to zero, as the clip range does
CLIP_RANGE = 0.2


def train(job: tuple[str, int, int]) -> dict[str, Any]:
    """Trains and evaluates one agent in a process and a thread of its own."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy

    import velora.sb3  # noqa: F401  # makes the policies known to PPO
    from velora.utils import active_parameters, total_parameters

    policy, seed, steps = job
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        # CartPole needs no memory, so a liquid policy may start from zero.
        warnings.filterwarnings("ignore", "A recurrent network", UserWarning)
        model = PPO(
            policy,
            make_vec_env("CartPole-v1", n_envs=8, seed=seed),
            learning_rate=lambda progress: LEARNING_RATE * progress,
            clip_range=lambda progress: CLIP_RANGE * progress,
            policy_kwargs=POLICIES[policy],
            n_steps=128,
            batch_size=256,
            seed=seed,
            device="cpu",
        )
    start = time.perf_counter()
    model.learn(steps)
    seconds = time.perf_counter() - start
    evaluation = make_vec_env("CartPole-v1", n_envs=8, seed=seed + 1000)
    score, _ = evaluate_policy(model, evaluation, n_eval_episodes=40)
    return {
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
        "policy": runs[0]["policy"],
        "mean": f"{statistics.mean(scores):.1f} ± {statistics.pstdev(scores):.1f}",
        "worst seed": f"{min(scores):.1f}",
        "seeds": " ".join(f"{score:.0f}" for score in scores),
        "parameters": str(runs[0]["parameters"]),
        "active": str(runs[0]["active"]),
        "steps/s": f"{statistics.median(run['steps/s'] for run in runs):.0f}",
    }


@click.command()
@click.option("--seeds", default=5, help="Seeds of each policy.")
@click.option("--first-seed", default=0, help="Seeds count from here.")
@click.option("--steps", default=100_000, help="Steps of each run.")
@click.option("--jobs", default=2, help="Runs at a time, a core each.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write here too.")
def main(seeds: int, first_seed: int, steps: int, jobs: int, path: Path | None) -> None:
    """Trains every policy with every seed and compares them."""
    numbers = range(first_seed, first_seed + seeds)
    work = [(policy, seed, steps) for seed in numbers for policy in POLICIES]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        done = pool.imap_unordered(train, work)
        runs = list(track(done, "training", total=len(work)))
    runs.sort(key=lambda run: (list(POLICIES).index(run["policy"]), run["seed"]))
    rows = [summarise([r for r in runs if r["policy"] == p]) for p in POLICIES]
    table = Table(*rows[0], title=f"PPO on CartPole-v1, {steps} steps, {seeds} seeds")
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)
    if path:
        path.write_text(json.dumps({"runs": runs, "summary": rows}, indent=2))


if __name__ == "__main__":
    main()
