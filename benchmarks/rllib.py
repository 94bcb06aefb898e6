"""Ray RLlib with our networks and its own: who learns, how fast, and what runners cost.

    python benchmarks/rllib.py learn [--task NAME ...] [--seeds 1] [--json FILE]
    python benchmarks/rllib.py pace [--row NAME ...] [--rounds 5] [--json FILE]

It needs velora-rllib, which brings Ray, and rich. Rows are `model_config`s of PPO with
one set of settings: "ncp", "liquid" and "gated-leaky" are ours, those with memory of 64
neurons, "MLP" and "LSTM" RLlib's own. "no velocity" is CartPole with zeros for its
velocities.

`learn` collects with two env runners, of four environments each, until the mean return
of a hundred episodes is 450, or `--steps` are done. `pace` alternates one and two env
runners, of eight, and measures what an iteration of 1,024 steps is made of. From that
the last table reckons, on paper, what more env runners would give: N of them with as
many steps each take turns with one learner, so

    steps/s = N·b / (b/s + sync·N + N·b/u)

of b steps a runner, s steps a second of a runner, u steps a second of the learner and
the seconds that weights take to one runner, which are sent one after the other.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections import deque
from pathlib import Path
from typing import Any

import click
import gymnasium as gym
import numpy as np
import ray
from gymnasium.wrappers import TransformObservation
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.tune.registry import register_env
from rich.progress import Progress, track

from common.table import json_option, show, write_json
from velora.rllib import NetworkConfig, NetworkModule
from velora.utils import active_parameters, total_parameters

SOLVED, EPISODES = 450, 100
BATCH = 1024
ROWS: dict[str, Any] = {
    "ncp": NetworkConfig("ncp"),
    "MLP": DefaultModelConfig(),
    "liquid": NetworkConfig("liquid", n_neurons=64),
    "gated-leaky": NetworkConfig("gated-leaky", n_neurons=64),
    "LSTM": DefaultModelConfig(use_lstm=True),
}
TASKS = {
    "CartPole": ["ncp", "MLP"],
    "no velocity": ["liquid", "gated-leaky", "LSTM"],
}


def without_velocity(_: Any) -> gym.Env[Any, Any]:
    """CartPole-v1 with zeros for both velocities.

    `common.no_velocity` has it, too, but needs Stable-Baselines3, which is not here.
    """
    env = gym.make("CartPole-v1")
    shown = np.array([1, 0, 1, 0], np.float32)
    return TransformObservation(env, lambda seen: seen * shown, env.observation_space)


def algorithm(
    task: str, row: str, seed: int, *, n_runners: int, n_envs: int
) -> Algorithm:
    """Builds PPO with a row's networks, and so many environments in each runner."""
    register_env("no velocity", without_velocity)
    ours = NetworkModule if isinstance(ROWS[row], NetworkConfig) else None
    config = (
        PPOConfig()
        .environment("CartPole-v1" if task == "CartPole" else task)
        .env_runners(num_env_runners=n_runners, num_envs_per_env_runner=n_envs)
        .learners(num_learners=0)
        .training(
            train_batch_size=BATCH,
            minibatch_size=256,
            num_epochs=10,
            lr=1e-3,
            gamma=0.98,
            lambda_=0.8,
            clip_param=0.2,
            vf_clip_param=1e6,  # beyond it nothing is learned of a value
            use_kl_loss=False,
        )
        .rl_module(
            rl_module_spec=RLModuleSpec(module_class=ours, model_config=ROWS[row])
        )
        .debugging(seed=seed, log_level="ERROR")
    )
    return config.build_algo()


def module_of(algo: Algorithm) -> Any:
    """Returns the module that learns, in this process."""
    return algo.learner_group._learner.module["default_policy"].unwrapped()


def learned(task: str, row: str, seed: int, steps: int, progress: Progress) -> Any:
    """Trains until the task is solved, or the steps are done."""
    algo = algorithm(task, row, seed, n_runners=2, n_envs=4)
    names = {"task": task, "network": row, "seed": seed}
    bar = progress.add_task(" ".join(map(str, names.values())), total=steps)
    done, seconds, mean, best = 0, 0.0, 0.0, 0.0
    last: deque[tuple[int, float]] = deque()  # episodes of an iteration, their return
    while done < steps and mean < SOLVED:
        start = time.perf_counter()
        result = algo.train()
        seconds += time.perf_counter() - start
        done = int(result["num_env_steps_sampled_lifetime"])
        if ended := int(result["env_runners"].get("num_episodes", 0)):
            # RLlib's mean is that of an iteration, in which few episodes may end.
            last.append((ended, float(result["env_runners"]["episode_return_mean"])))
        while last and sum(n for n, _ in last) - last[0][0] >= EPISODES:
            last.popleft()
        if (n_last := sum(n for n, _ in last)) >= EPISODES:
            mean = sum(n * its for n, its in last) / n_last
        best = max(best, mean)
        progress.update(bar, completed=done)
    weights = {
        "parameters": total_parameters(module_of(algo)),
        "active": active_parameters(module_of(algo)),
    }
    algo.stop()
    progress.remove_task(bar)
    return names | {
        f"steps to {SOLVED}": done if mean >= SOLVED else "not in " + f"{done:,}",
        "best return": best,
        **weights,
        "steps/s": done / seconds,
        "seconds": seconds,
    }


def one_round(algo: Algorithm, n_runners: int) -> dict[str, float]:
    """Takes the times of an iteration, and of what it is made of."""
    each = BATCH // n_runners
    group = algo.env_runner_group
    clock = [time.perf_counter()]

    def passed() -> float:
        clock.append(time.perf_counter())
        return clock[-1] - clock[-2]

    algo.train()
    whole = passed()
    group.foreach_env_runner(
        lambda runner: len(runner.sample(num_timesteps=each)), local_env_runner=False
    )
    sampling = passed()
    group.sync_weights(
        from_worker_or_learner_group=algo.learner_group,
        timeout_seconds=None,
        inference_only=True,
    )
    return {"iteration": whole, "sampling": sampling, "weights": passed()}


def measured(row: str, rounds: int) -> list[dict[str, Any]]:
    """Measures a row with one and two env runners, in turn."""
    task = next(task for task, rows in TASKS.items() if row in rows)
    algos = {n: algorithm(task, row, 0, n_runners=n, n_envs=8) for n in (1, 2)}
    times: dict[int, list[dict[str, float]]] = {n: [] for n in algos}
    for turn in range(rounds + 1):
        for n, algo in algos.items():
            its = one_round(algo, n)
            times[n] += [its] if turn else []  # the first one compiles
    found = []
    for n, algo in algos.items():
        seconds = {
            part: statistics.median(its[part] for its in times[n])
            for part in times[n][0]
        }
        peaks = algo.env_runner_group.foreach_env_runner(
            lambda _: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            local_env_runner=False,
        )
        state = module_of(algo).get_state(inference_only=True)
        found.append(
            {"network": row, "runners": n}
            | {"steps/s": BATCH / seconds["iteration"]}
            | {f"{part} [s]": value for part, value in seconds.items()}
            | {"MiB a runner": statistics.mean(peaks) / 1024}
            | {"weights [bytes]": sum(part.nbytes for part in state.values())}
            | {"step [bytes]": bytes_a_step(algo)}
        )
        algo.stop()
    return found


def bytes_a_step(algo: Algorithm) -> float:
    """Returns what an env runner sends to the learner of a step, pickled."""
    n_steps = 512
    (size, *_) = algo.env_runner_group.foreach_env_runner(
        lambda runner: len(ray.cloudpickle.dumps(runner.sample(num_timesteps=n_steps))),
        local_env_runner=False,
    )
    return float(size) / n_steps


def on_paper(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """Reckons with more env runners, as the module's docstring says."""
    steps = BATCH // 2
    runner = BATCH / one["sampling [s]"]
    learner = BATCH / (one["iteration [s]"] - one["sampling [s]"])
    weights = two["weights [s]"] / 2
    row = {"network": one["network"], "of a runner": runner, "of the learner": learner}
    for n in (1, 2, 10, 100, 1000):
        seconds = steps / runner + n * weights + n * steps / learner
        row[f"{n:,}"] = n * steps / seconds
    return row


def start() -> None:
    """Starts Ray on this machine."""
    ray.init(
        num_cpus=3,  # more than two runners are there at once, some idle
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )


@click.group()
def main() -> None:
    """Trains in RLlib, with our networks and its own."""


@main.command()
@click.option("--task", "tasks", multiple=True, type=click.Choice([*TASKS]))
@click.option("--first-seed", default=10, show_default=True)
@click.option("--seeds", default=1, show_default=True)
@click.option("--steps", default=300_000, show_default=True)
@json_option
def learn(
    tasks: tuple[str, ...], first_seed: int, seeds: int, steps: int, path: Path | None
) -> None:
    """Steps until each is solved, with two env runners."""
    start()
    rows = []
    with Progress() as progress:
        for seed in range(first_seed, first_seed + seeds):
            for task in tasks or TASKS:
                for row in TASKS[task]:
                    rows.append(learned(task, row, seed, steps, progress))
                    write_json(path, rows)
    show(rows, section="task")


@main.command()
@click.option("--row", "rows", multiple=True, type=click.Choice([*ROWS]))
@click.option("--rounds", default=5, show_default=True)
@json_option
def pace(rows: tuple[str, ...], rounds: int, path: Path | None) -> None:
    """Seconds and bytes of an iteration, with one and two env runners."""
    start()
    found = [measured(row, rounds) for row in track(rows or ROWS, "measuring")]
    estimates = [on_paper(one, two) for one, two in found]
    show([row for pair in found for row in pair], section="network")
    show(
        estimates, "Environment steps a second, on paper, by the number of env runners"
    )
    write_json(path, {"measured": found, "on paper": estimates})


if __name__ == "__main__":
    main()
