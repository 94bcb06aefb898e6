"""This checkout beside another one, such as the commit before: what became slower?

    git worktree add ../before HEAD~1
    python benchmarks/beside.py ../before [--only sequence ...] [--rounds 40]

Both run in processes of their own, one thread each, and take turns, so that whatever
else the machine does reaches them alike. A ratio is the other's time over this one's:
above 1 this checkout is faster. "ratio" is between medians, "quartile" between lower
quartiles, which a busy machine disturbs least. Tasks are forward and backward of a
sequence of `LiquidNCPNetwork` (neurons, batch, steps), one step of it without
gradients, learning with each kind of policy, and imports in a fresh process.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from common.table import json_option, show, write_json

PACKAGES = ("core", "wiring", "lnn", "sb3")
SEQUENCES = [(80, 8, 64), (160, 8, 128), (160, 32, 32), (640, 16, 64), (64, 8, 1)]
STEPS = [(160, 1), (160, 64), (640, 64)]
IMPORTS = ["velora.plugins", "velora.models", "velora.sb3"]
LEARNING = {
    "PPO NCPPolicy": ("PPO", "NCPPolicy", "CartPole-v1", 1024),
    "PPO LiquidPolicy, window": ("PPO", "LiquidPolicy", "CartPole-v1", 512),
    "SAC NCPPolicy": ("SAC", "NCPPolicy", "Pendulum-v1", 100),
    "DQN NCPPolicy": ("DQN", "NCPPolicy", "CartPole-v1", 512),
    "RecurrentPPO LiquidPolicy": ("RecurrentPPO", "LiquidPolicy", "CartPole-v1", 512),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "PPO": {"n_steps": 128, "batch_size": 64},
    "RecurrentPPO": {"n_steps": 32, "batch_size": 256},
    "SAC": {"learning_starts": 50},
    "DQN": {"learning_starts": 50, "train_freq": 256, "gradient_steps": 128},
}


def sequence(neurons: int, batch: int, steps: int) -> Callable[[], object]:
    import torch

    from velora.models import LiquidNCPNetwork

    network, x = LiquidNCPNetwork(8, neurons, 2), torch.randn(steps, batch, 8)

    def run() -> None:
        network.zero_grad()
        network.forward_sequence(x)[0].square().mean().backward()

    return run


def step(neurons: int, batch: int, *, frozen: bool) -> Callable[[], object]:
    import torch

    from velora.models import LiquidNCPNetwork

    network, x = LiquidNCPNetwork(8, neurons, 2), torch.randn(batch, 8)
    call = network.frozen_step() if frozen else network
    hidden = network.initial_state(batch)

    @torch.no_grad()
    def run() -> None:
        for _ in range(20):
            call(x, hidden)

    return run


def learning(algorithm: str, policy: str, env: str, steps: int) -> Callable[[], object]:
    import gymnasium as gym
    import sb3_contrib
    import stable_baselines3
    from stable_baselines3.common.env_util import make_vec_env

    import velora.sb3  # noqa: F401  # makes the policies known to the algorithms

    here = hasattr(stable_baselines3, algorithm)
    make = getattr(stable_baselines3 if here else sb3_contrib, algorithm)
    windows = algorithm == "PPO" and policy == "LiquidPolicy"
    model = make(
        policy,
        make_vec_env(
            env,
            8 if "PPO" in algorithm else 1,
            seed=0,
            wrapper_class=gym.wrappers.FrameStackObservation if windows else None,
            wrapper_kwargs={"stack_size": 4} if windows else None,
        ),
        seed=0,
        device="cpu",
        policy_kwargs={"n_neurons": 64},
        **SETTINGS[algorithm],
    )
    return lambda: model.learn(steps, reset_num_timesteps=False)


TASKS: dict[str, Callable[[], Callable[[], object]]] = {
    **{f"sequence {size}": lambda s=size: sequence(*s) for size in SEQUENCES},
    **{f"step {size}": lambda s=size: step(*s, frozen=False) for size in STEPS},
    **{f"frozen {size}": lambda s=size: step(*s, frozen=True) for size in STEPS[:1]},
    **{name: lambda s=what: learning(*s) for name, what in LEARNING.items()},
}


def serve() -> None:
    """Answers each task that is asked for by the seconds of one run."""
    import torch

    torch.set_num_threads(1)
    ready: dict[str, Callable[[], object]] = {}
    for line in sys.stdin:
        task = line.rstrip("\n")
        if task not in ready:
            ready[task] = TASKS[task]()
            ready[task]()  # which warms up
        start = time.perf_counter()
        ready[task]()
        print(time.perf_counter() - start, flush=True)


class Checkout:
    """A process that computes with the packages of one checkout."""

    def __init__(self, root: Path) -> None:
        paths = [root / "packages" / f"velora-{name}" / "src" for name in PACKAGES]
        if missing := [path for path in paths if not path.is_dir()]:
            raise click.UsageError(f"{root} must be a checkout; it lacks {missing[0]}.")
        path = os.pathsep.join(map(str, paths))
        self.env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.env,
        )

    def seconds(self, task: str) -> float:
        """Runs a task once."""
        if task.startswith("import "):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", task], check=True, env=self.env)
            return time.perf_counter() - start
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{task}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def modules(self, task: str) -> int:
        """Counts the modules that an import loads."""
        count = f"{task}; import sys; print(len(sys.modules))"
        command = [sys.executable, "-c", count]
        return int(subprocess.check_output(command, env=self.env, text=True))


def compare(ours: Checkout, other: Checkout, task: str, rounds: int) -> dict[str, Any]:
    """Takes turns at a task; returns a row of the table."""
    times: dict[Checkout, list[float]] = {ours: [], other: []}
    for turn in range(rounds):
        for checkout in (ours, other) if turn % 2 else (other, ours):
            times[checkout].append(checkout.seconds(task))
    row: dict[str, Any] = {"task": task}
    for name, checkout in (("other", other), ("this", ours)):
        row[f"{name} [ms]"] = 1e3 * statistics.median(times[checkout])
    row["ratio"] = row["other [ms]"] / row["this [ms]"]
    quartile = {each: statistics.quantiles(t, n=4)[0] for each, t in times.items()}
    row["quartile"] = quartile[other] / quartile[ours]
    if task.startswith("import "):
        row["modules"] = f"{other.modules(task)} → {ours.modules(task)}"
    else:
        row["modules"] = ""
    return row


@click.command()
@click.argument("other", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, help="Tasks that start so; default: all.")
@click.option("--rounds", default=40, help="Turns of each.")
@json_option
def main(other: Path, only: tuple[str, ...], rounds: int, path: Path | None) -> None:
    """Compares the pace of this checkout with that of OTHER."""
    names = [*TASKS, *(f"import {module}" for module in IMPORTS)]
    names = [name for name in names if not only or name.startswith(only)]
    console = Console()
    checkouts = Checkout(Path(__file__).parents[1]), Checkout(other.resolve())
    rows = []
    for name in track(names, "taking turns", console=console):
        takes_long = name.startswith("import") or name in LEARNING
        turns = max(rounds // 4 if takes_long else rounds, 2)
        rows.append(compare(*checkouts, name, turns))
    show(rows, f"this checkout beside {other.name}")
    write_json(path, rows)


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else main()
