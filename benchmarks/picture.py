"""How often lines cross in the pictures of trained actors, and how many there are.

    python benchmarks/picture.py [--steps 10000] [--json FILE] [--pictures FOLDER]

Each row trains PPO on CartPole-v1, one of a network with a state over windows of four
observations, and draws its actor. "crossings" are those of the drawn lines, with inter
and command neurons as they are drawn and by their index.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import gymnasium as gym
from gymnasium.wrappers import FrameStackObservation
from rich.progress import track
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import velora.sb3
from common.table import json_option, show, write_json
from velora.models.lnn.wired import WiredNetwork
from velora.wiring import draw
from velora.wiring.influence import arrays_of, influence_of
from velora.wiring.picture.order import by_index, crossings, ordered
from velora.wiring.picture.selection import select

NETWORKS = ("ncp", "liquid", "gated-leaky")
SENSORS = ["cart position", "cart velocity", "pole angle", "pole velocity"]
ACTIONS = ["push left", "push right"]


def trained(network: str, n_neurons: int, steps: int) -> WiredNetwork:
    """Returns the actor of an agent that was trained."""
    wrapper = FrameStackObservation if network != "ncp" else None
    options = {"stack_size": 4} if wrapper else None
    model = PPO(
        "LiquidPolicy" if wrapper else "NCPPolicy",
        make_vec_env(
            gym.make,
            n_envs=8,
            seed=0,
            wrapper_class=wrapper,
            wrapper_kwargs=options,
            env_kwargs={"id": "CartPole-v1"},
        ),
        n_steps=32,
        batch_size=256,
        n_epochs=20,
        gamma=0.98,
        gae_lambda=0.8,
        learning_rate=1e-3,
        seed=0,
        device="cpu",
        policy_kwargs={"n_neurons": n_neurons, "network": network},
    )
    return velora.sb3.networks_of(model.learn(steps))["pi"]


def measure(name: str, actor: WiredNetwork, folder: Path | None) -> dict[str, object]:
    effects = arrays_of(actor.effects)
    chosen = select(effects, weighted=True, top=None, highlight=None, highlighted="")
    influence = influence_of(effects)
    there = {layer: effect != 0 for layer, effect in effects.items()}
    index = by_index(chosen.drawn)
    crossed = crossings(chosen.drawn, ordered(chosen.drawn, influence))
    before = crossings(chosen.drawn, index)
    path = folder and folder / f"{name}-{actor.n_neurons}.png"
    start = time.perf_counter()
    draw(actor.effects, path, sensory_names=SENSORS, motor_names=ACTIONS)
    return {
        "network": name,
        "neurons": actor.n_neurons,
        "synapses": lines(there),
        "lines": lines(chosen.drawn),
        "crossings": crossed,
        "by index": before,
        "fewer [%]": 100 * (1 - crossed / max(before, 1)),
        "by index, all synapses": crossings(there, index),
        "seconds to draw": time.perf_counter() - start,
    }


def lines(chosen: dict) -> int:
    """Counts the synapses between layers."""
    return sum(
        int(there.sum()) for layer, there in chosen.items() if layer != "recurrent"
    )


@click.command()
@json_option
@click.option("--steps", default=10_000, help="Steps to train each actor for.")
@click.option("--neurons", multiple=True, type=int, default=(10, 64, 160, 640))
@click.option("--network", "networks", multiple=True, default=NETWORKS)
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the pictures here.",
)
def main(
    path: Path | None,
    steps: int,
    neurons: tuple[int, ...],
    networks: tuple[str, ...],
    pictures: Path | None,
) -> None:
    """Counts crossings in the pictures of trained actors."""
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    tasks = [(network, size) for network in networks for size in neurons]
    rows = [
        measure(network, trained(network, size, steps), pictures)
        for network, size in track(tasks, "actors")
    ]
    show(rows, "Pictures of trained actors", section="network")
    write_json(path, rows)


if __name__ == "__main__":
    main()
