"""Agents that remember: MemoryPPO with each cell, RecurrentPPO, and frames.

    python benchmarks/memory.py scores [--task CartPole ...] [--seeds 5] [--json F]
    OMP_NUM_THREADS=1 python benchmarks/memory.py pace [--rounds 5] [--json F]
    OMP_NUM_THREADS=1 python benchmarks/memory.py profile [--row liquid] [--json F]

CartPole, Pendulum and MountainCarContinuous without velocities, with the settings of
rl-baselines3-zoo, as in `novel.py`; a T-maze (`common/t_maze.py`), and four of POPGym's
easiest tasks, one of them with masks as well (`common/recall.py`), with the same
settings for all and 500,000 steps. Rows:

- "liquid", "LSTM", "GRU": MemoryPPO with LiquidPolicy, LSTMPolicy and GRUPolicy;
- "RecurrentPPO LSTM": sb3-contrib's RecurrentPPO with MlpLstmPolicy;
- "PPO frames": PPO with MlpPolicy on the last four observations;
- if asked for, in MemoryPPO: "liquid, 64 neurons", "liquid, to 10 steps" and "liquid,
  slow", whose time constants start between 1 and 10 or 100 steps, "CfC, 160 neurons",
  and "CfC, mixed memory", a dense one of 64 neurons ("cfc") or of 32 with an LSTM's
  memory beside it; and "RecurrentPPO liquid".

`scores` trains, and goes on where it stopped with --json; a score is as in `novel.py`.
Beside the LSTM in MemoryPPO it shows differences and, over the tasks, interquartile
means, with intervals.
`pace` takes turns: environment steps per second of CPU time, rollouts and updates; a
ratio is the median of the rounds' ratios. `profile` says where the time of a row in
MemoryPPO goes.
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time
from pathlib import Path

import click
from rich.progress import track

from common.baseline import Baseline
from common.comparison import Comparison, command
from common.memory import CHANCE, LSTM, OPTIONAL_ROWS, OURS, ROWS, SOLVED, TASKS, job
from common.recall import MISSING
from common.table import json_option, show, write_json
from common.training import make_agent

COMPARISON = Comparison(
    make_job=job,
    tasks=TASKS,
    rows=ROWS,
    optional_rows=OPTIONAL_ROWS,
    missing=MISSING,
    baseline=Baseline("LSTM", CHANCE, SOLVED),
)


@click.command()
@click.option("--task", default="CartPole", type=click.Choice(list(TASKS)))
@click.option("--rounds", default=5, help="Interleaved rounds.")
@click.option("--steps", default=2048, help="Steps of a round, of whole rollouts.")
@json_option
def pace(task: str, rounds: int, steps: int, path: Path | None) -> None:
    """Measures the steps per second of learning."""
    if task in MISSING:
        raise click.ClickException(MISSING[task])
    names = (*ROWS, *OPTIONAL_ROWS)
    agents = {name: make_agent(job(task, name, seed=0)) for name in names}
    paces: dict[str, list[float]] = {name: [] for name in agents}
    for turn in track(range(rounds + 1), "learning"):
        for name, agent in agents.items():
            before, start = agent.num_timesteps, time.process_time()
            agent.learn(steps, reset_num_timesteps=False)
            took = time.process_time() - start
            if turn:  # the first one warms up
                paces[name].append((agent.num_timesteps - before) / took)
    rows = []
    for name, pace in paces.items():
        ratios = [a / b for a, b in zip(pace, paces[LSTM], strict=True)]
        row = {"policy": name, "steps/s": statistics.median(pace)}
        rows.append(row | {"ratio": statistics.median(ratios)})
    show(rows, task)
    write_json(path, rows)


PARTS = {
    "rollouts": ("memory_ppo.py", "collect_rollouts"),
    "- the environments": ("base_vec_env.py", "step"),
    "- steps of the actor": ("memory/thinking.py", "act"),
    "- one pass over the rollout": ("memory/looking_back.py", "look_back"),
    "updates": ("ppo/ppo.py", "train"),
    "- forward": ("memory/thinking.py", "evaluate_actions"),
    "- backward": ("torch/_tensor.py", "backward"),
    "- clipping": ("clip_grad.py", "clip_grad_norm_"),
    "- Adam": ("optim/adam.py", "step"),
    "of all, loops over time": (
        "/loops/recurrence.py",
        "scan_forward",
        "scan_backward",
    ),
}
"""The functions that a part is, by the end of their file and their names."""


@click.command()
@click.option("--task", default="CartPole", type=click.Choice(list(TASKS)))
@click.option("--row", default="liquid", type=click.Choice(list(OURS)))
@click.option("--steps", default=16_384, help="Of the environments.")
@json_option
def profile(task: str, row: str, steps: int, path: Path | None) -> None:
    """Measures the shares of the time of learning, once it is warm."""
    if task in MISSING:
        raise click.ClickException(MISSING[task])
    agent = make_agent(job(task, row, seed=0))
    agent.learn(1)
    before, profiler = agent.num_timesteps, cProfile.Profile()
    profiler.runcall(agent.learn, steps, reset_num_timesteps=False)
    steps = agent.num_timesteps - before  # whole rollouts
    times: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    stats = pstats.Stats(profiler)
    for (file, _, function), (_, _, _, took, _) in stats.stats.items():  # type: ignore[attr-defined]  # it has them
        for part, (of_file, *of_functions) in PARTS.items():
            if file.endswith(of_file) and function in of_functions:
                times[part] += took
    whole = times["rollouts"] + times["updates"]
    rows = [{"part": part, "%": 100 * took / whole} for part, took in times.items()]
    show(rows, f"{task}, {row}: {whole / steps * 1e6:.0f} µs a step")
    write_json(path, rows)


main = click.Group(
    commands={"scores": command(COMPARISON), "pace": pace, "profile": profile}
)

if __name__ == "__main__":
    main()
