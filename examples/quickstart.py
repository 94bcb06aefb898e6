"""PPO solves CartPole-v1 with a Neural Circuit Policy, and shows its brain.

    python examples/quickstart.py --seed 0 --device cpu

Writes the agent, its learning curve and its wiring, and says how to load it again.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

import velora.sb3  # noqa: F401  # makes "NCPPolicy" and "LiquidPolicy" known to PPO
from velora.utils import active_parameters, set_device, total_parameters
from velora.wiring import draw

ENV_ID = "CartPole-v1"
SENSORS = ["cart position", "cart velocity", "pole angle", "pole velocity"]
ACTIONS = ["push left", "push right"]


class Returns(BaseCallback):
    """Notes the return of every training episode and when it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []
        self.returns: list[float] = []

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:
                self.steps.append(self.num_timesteps)
                self.returns.append(info["episode"]["r"])
        return True


def draw_learning_curve(curve: Returns, path: Path) -> None:
    """Draws each episode's return and the mean over the last 50 of them."""
    window = min(50, len(curve.returns))
    mean = np.convolve(curve.returns, np.ones(window) / window, mode="valid")
    figure = Figure(figsize=(7, 4), dpi=150, layout="tight")
    axes = figure.add_subplot()
    axes.plot(curve.steps, curve.returns, ".", color="#BBBBBB", ms=3, label="episode")
    axes.plot(
        curve.steps[window - 1 :], mean, color="#0072B2", label=f"mean of {window}"
    )
    axes.set(xlabel="steps", ylabel="return", title=f"PPO on {ENV_ID}")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


@click.command()
@click.option(
    "--policy",
    default="NCPPolicy",
    type=click.Choice(["NCPPolicy", "LiquidPolicy"]),
    help="What the agent thinks with.",
)
@click.option("--steps", default=100_000, help="Steps to train for.")
@click.option("--seed", default=0, help="Of the networks, wirings and environments.")
@click.option("--device", default="cpu", help='"cpu", "cuda", ... or "auto".')
@click.option(
    "--out", default="runs/quickstart", type=click.Path(path_type=Path), help="Folder."
)
def main(policy: str, steps: int, seed: int, device: str, out: Path) -> None:
    """Trains PPO with a Neural Circuit Policy on CartPole-v1."""
    out.mkdir(parents=True, exist_ok=True)
    # Networks this small are done before a second thread has begun.
    torch.set_num_threads(1)
    model = PPO(
        policy,
        make_vec_env(ENV_ID, n_envs=8, seed=seed),
        # What rl-baselines3-zoo has for MlpPolicy.
        n_steps=32,
        batch_size=256,
        n_epochs=20,
        gamma=0.98,
        gae_lambda=0.8,
        learning_rate=lambda progress_remaining: 1e-3 * progress_remaining,
        clip_range=lambda progress_remaining: 0.2 * progress_remaining,
        seed=seed,
        device=set_device(device),
    )
    curve = Returns()
    model.learn(steps, callback=curve, progress_bar=True)

    evaluation = make_vec_env(ENV_ID, n_envs=4, seed=seed + 1000)
    mean, std = evaluate_policy(model, evaluation, n_eval_episodes=20)

    agent, learning, wiring = (
        out / "agent.zip",
        out / "learning.png",
        out / "wiring.png",
    )
    model.save(agent)
    draw_learning_curve(curve, learning)
    actor = model.policy.networks["pi"]
    draw(
        actor.effects,
        wiring,
        title=f"The actor of PPO + {policy} on {ENV_ID}",
        sensory_names=SENSORS,
        motor_names=ACTIONS,
    )

    say = Console(soft_wrap=True, highlight=False).print
    say(f"\n[bold]Mean reward over 20 episodes: {mean:.1f} ± {std:.1f}[/bold]")
    for role, net in (("actor", actor), ("critic", model.policy.networks["vf"])):
        total, active = total_parameters(net), active_parameters(net)
        say(f"{role}: {total} parameters, {active} active (the rest has no synapse)")
    say(f"wrote {agent}, {learning} and {wiring}")
    say(f'load it again: from stable_baselines3 import PPO; PPO.load("{agent}")')


if __name__ == "__main__":
    main()
