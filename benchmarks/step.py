"""What one step costs: heads packed into one product, and PPO's pace.

    python benchmarks/step.py [--json FILE]

Part 1, for (neurons, batch): one no-gradient step of `LiquidNCPNetwork` against the
same network with its cell computed head by head, five masked linear layers one after
another. "step" is `network(x, h)`, "frozen" is `network.frozen_step()(x, h)`. Part 2:
environment steps per second of PPO on CartPole-v1 (8 environments, rollouts of 2,048
steps, 10 epochs) with NCPPolicy against MlpPolicy with layers of the same widths. Runs
are interleaved, and each ratio is between medians or a median itself.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from torch import Tensor, nn

import velora.sb3  # noqa: F401  # makes "NCPPolicy" known to PPO
from velora.models import LiquidNCPNetwork

SIZES = [(160, 1), (160, 64), (640, 64)]


def head_by_head(network: LiquidNCPNetwork) -> Callable[[Tensor, Tensor], object]:
    """Returns the network's step as its equations read, one layer after another."""
    cell, mish = network.command, nn.Mish()

    def step(x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.cat((mish(network.inter(x)), hidden), dim=1)
        gate = torch.sigmoid(cell.f_head_to_g(z) * 1.0 + cell.f_head_to_h(z))
        new_hidden = torch.tanh(cell.g_head(z)) * (1 - gate)
        new_hidden = new_hidden + gate * torch.tanh(cell.h_head(z))
        return network.motor(mish(cell.proj(z) + new_hidden)), new_hidden

    return step


def seconds(step: Callable[[Tensor, Tensor], object], *args: Tensor, n: int) -> float:
    start = time.perf_counter()
    for _ in range(n):
        step(*args)
    return (time.perf_counter() - start) / n


@torch.no_grad()
def measure_step(neurons: int, batch: int, rounds: int) -> dict[str, float | str]:
    network = LiquidNCPNetwork(8, neurons, 2)
    x, hidden = torch.randn(batch, 8), network.initial_state(batch)
    steps = {
        "head by head": head_by_head(network),
        "step": network,
        "frozen": network.frozen_step(),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(seconds(step, x, hidden, n=100))
    medians = {name: statistics.median(values) for name, values in times.items()}
    row = {f"{name} [µs]": 1e6 * value for name, value in medians.items()}
    for name in ("step", "frozen"):
        row[f"{name} / head by head"] = medians[name] / medians["head by head"]
    return {"neurons": neurons, "batch": batch} | row


def measure_ppo(
    neurons: int, batch: int, rounds: int, steps: int
) -> dict[str, float | str]:
    def ppo(policy: str, **policy_kwargs: object) -> PPO:
        env = make_vec_env("CartPole-v1", 8, seed=0)
        return PPO(
            policy,
            env,
            n_steps=256,
            batch_size=batch,
            policy_kwargs=policy_kwargs,
            seed=0,
            device="cpu",
        )

    sparse = ppo("NCPPolicy", n_neurons=neurons)
    counts = sparse.policy.networks["pi"].counts
    widths = [counts.inter, counts.command]
    models = {
        "NCPPolicy": sparse,
        "MlpPolicy": ppo("MlpPolicy", net_arch=widths),
    }
    rates: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, model in models.items():
            start = time.perf_counter()
            model.learn(steps)
            rates[name].append(steps / (time.perf_counter() - start))
    pairs = zip(rates["NCPPolicy"], rates["MlpPolicy"], strict=True)
    row = {f"{name} [steps/s]": statistics.median(r) for name, r in rates.items()}
    ratio = statistics.median(a / b for a, b in pairs)
    layers = {"neurons": neurons, "widths": str(widths), "minibatch": batch}
    return layers | row | {"NCP / MLP": ratio}


def readable(value: float | str) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if value < 10 else f"{value:.0f}"
    return str(value)


def show(title: str, rows: list[dict[str, float | str]]) -> None:
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(readable(value) for value in row.values()))
    Console().print(table)


@click.command()
@click.option("--rounds", default=31, help="Interleaved rounds of 100 steps.")
@click.option("--ppo-rounds", default=7, help="Interleaved rounds of PPO.")
@click.option("--ppo-steps", default=8192, help="Environment steps a round.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write here too.")
def main(rounds: int, ppo_rounds: int, ppo_steps: int, path: Path | None) -> None:
    """Measures a step of the liquid network and the pace of PPO."""
    torch.manual_seed(0)
    step = [measure_step(n, b, rounds) for n, b in track(SIZES, "steps")]
    show("One no-gradient step of LiquidNCPNetwork", step)
    sizes = [(64, 64), (64, 256), (128, 64), (128, 256)]  # neurons, minibatch
    ppo = [measure_ppo(*size, ppo_rounds, ppo_steps) for size in track(sizes, "PPO")]
    show("PPO on CartPole-v1, environment steps per second", ppo)
    if path:
        path.write_text(json.dumps({"step": step, "ppo": ppo}, indent=2))


if __name__ == "__main__":
    main()
