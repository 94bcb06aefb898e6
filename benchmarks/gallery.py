"""The gallery: trained agents with their pictures, reports and figures.

    python benchmarks/gallery.py [--agent cartpole ...] [--jobs 2]

An agent is trained once: its file is kept in `--agents`, and one that is there is
taken as it is. Then it plays the same episodes with all its neurons and without each of
them, and into `--out` go its picture (images/gallery-NAME.png), its report
(gallery/NAME.html) and, where there is a page gallery.md, its row of the table there.

The settings are those of `dropin.py` and `novel.py`, the seed is 0. "rank correlation"
is between the influence along all these episodes and what lesions do to the mean
return, over all neurons. LunarLander needs `pip install "gymnasium[box2d]"`, the films
of the others its pygame.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from common.no_velocity import job as without_velocity
from common.table import json_option, readable, show, write_json
from common.training import AgentJob, algorithm_of, fit
from common.zoo import TASKS
from velora.report import (
    Lesions,
    Trace,
    influence,
    lesions,
    rank_correlation,
    report,
    trace,
)
from velora.sb3 import networks_of
from velora.wiring import draw

MAX_BYTES = 1_500_000  # of a report, so that it may be kept beside the page
START, END = "<!-- figures: benchmarks/gallery.py -->\n", "<!-- end -->"


@dataclass(frozen=True)
class Exhibit:
    """An agent, and what its neurons are called.

    Attributes:
        title: Of its picture.
        job: How it is trained.
        sensors: What each sensory neuron is called.
        motors: What each motor neuron is called.
        seed: Of the first episode that it plays, which the report shows.
    """

    title: str
    job: AgentJob
    sensors: Sequence[str]
    motors: Sequence[str]
    seed: int = 1000

    def environments(self, n_envs: int) -> VecEnv:
        """Makes environments that render."""
        job, options = self.job, self.job.env_kwargs
        if isinstance(job.env, str):
            shown = options | {"render_mode": "rgb_array"}
        else:
            spec = gym.spec(options["name"])
            kwargs = spec.kwargs | {"render_mode": "rgb_array"}
            shown = options | {"name": replace(spec, kwargs=kwargs)}
        return make_vec_env(job.env, n_envs, env_kwargs=shown)


def of_zoo(task: str, seed: int) -> AgentJob:
    """Returns the run of NCPPolicy on a task of the zoo."""
    return TASKS[task].job(
        {"task": task, "policy": "NCPPolicy"}, "NCPPolicy", seed, None
    )


GALLERY = {
    "cartpole": Exhibit(
        "CartPole-v1: PPO with NCPPolicy",
        of_zoo("PPO CartPole", 0),
        ["position", "velocity", "pole angle", "pole velocity"],
        ["push left", "push right"],
    ),
    "pendulum": Exhibit(
        "Pendulum-v1 without velocity: RecurrentPPO with LiquidPolicy",
        without_velocity("Pendulum", "LiquidPolicy", 0),
        ["cos of angle", "sin of angle", "hidden velocity"],
        ["torque"],
        seed=1004,  # whose first episode starts hanging down
    ),
    "lunarlander": Exhibit(
        "LunarLander-v3: PPO with NCPPolicy",
        of_zoo("PPO LunarLander", 0),
        [
            "x",
            "height",
            "speed in x",
            "speed upward",
            "angle",
            "angular speed",
            "left leg down",
            "right leg down",
        ],
        ["no engine", "left engine", "main engine", "right engine"],
    ),
}


def trained(exhibit: Exhibit, path: Path) -> Any:
    """Returns an agent of its file, or trains it and writes the file."""
    job, statistics = exhibit.job, path.with_suffix(".pkl")
    if not path.exists():
        agent, _ = fit(job)
        path.parent.mkdir(parents=True, exist_ok=True)
        if job.is_normalized:
            agent.get_vec_normalize_env().save(statistics)
        agent.save(path)  # last, so that it is there only where all is
    agent = algorithm_of(job.algorithm).load(path, device="cpu")
    if job.is_normalized:
        agent.set_env(VecNormalize.load(statistics, exhibit.environments(agent.n_envs)))
    return agent


def examine(
    name: str, exhibit: Exhibit, agent: Any, episodes: int, jobs: int, out: Path
) -> dict[str, Any]:
    """Writes the picture and the report of an agent, and returns its row."""
    names = {"sensory_names": exhibit.sensors, "motor_names": exhibit.motors}
    actor = networks_of(agent)["pi"]
    picture, page = out / f"images/gallery-{name}.png", out / f"gallery/{name}.html"
    for path in (picture, page):
        path.parent.mkdir(parents=True, exist_ok=True)
    draw(actor.effects, picture, title=exhibit.title, **names)

    played = {"n_episodes": episodes, "seed": exhibit.seed}
    beside = partial(exhibit.environments, min(episodes, 20))
    found = lesions(agent, beside, jobs=jobs, progress_bar=True, **played)
    seen = trace(agent, beside, **played)
    said = influence(agent, seen)
    alone = partial(exhibit.environments, 1)
    done = report(
        agent, alone, page, lesions=found, max_bytes=MAX_BYTES, **played, **names
    )
    show(without(found, exhibit), f"{exhibit.title}: the largest lesions")
    show(
        slopes(actor, seen, exhibit), f"{exhibit.title}: mean slopes (rising, of steps)"
    )
    low, high = found.intervals.T
    changing = int(((high < 0) | (low > 0)).sum())
    return {
        "agent": name,
        "steps": agent.num_timesteps,
        "return": f"{found.intact.mean():.1f} ± {found.intact.std():.1f}",
        "episodes": episodes,
        "lesions that change it": f"{changing} of {len(found.names)}",
        "rank correlation": f"{rank_correlation(said, found):.2f}",
        "report [MB]": done.n_bytes / 1e6,
    }


def without(found: Lesions, exhibit: Exhibit) -> list[dict[str, Any]]:
    """Returns a line for the sensors and for the neurons that are worth most."""
    called = [
        exhibit.sensors[index] if layer == "sensory" else name
        for name, ((layer, index),) in zip(found.names, found.groups, strict=True)
    ]
    changes = found.differences
    first = np.argsort(-np.abs(changes), kind="stable")[: len(exhibit.sensors) + 8]
    sensors = np.arange(len(exhibit.sensors))
    return [
        {
            "without": called[index],
            "change of the return": float(changes[index]),
            "from": float(found.intervals[index, 0]),
            "to": float(found.intervals[index, 1]),
        }
        for index in dict.fromkeys([*sensors, *first])
    ]


def slopes(actor: Any, seen: Trace, exhibit: Exhibit) -> list[dict[str, Any]]:
    """Returns a line for each sensor: the mean slope of each motor neuron along it.

    Beside it is the share of the steps in which it is positive.
    """
    sensed = torch.from_numpy(seen.neurons["sensory"]).requires_grad_()
    if seen.states:
        before = np.roll(seen.states[0], 1, axis=0)
        before[seen.episode_starts] = 0
        motors, _ = actor(sensed, torch.from_numpy(before))
    else:
        motors = actor(sensed)
    rows = [{"along": sensor} for sensor in exhibit.sensors]
    for name, motor in zip(exhibit.motors, motors.unbind(dim=1), strict=True):
        (slope,) = torch.autograd.grad(motor.sum(), sensed, retain_graph=True)
        for row, column in zip(rows, slope.unbind(dim=1), strict=True):
            rises = 100 * (column > 0).float().mean()
            row[name] = f"{column.mean():+.2f} ({rises:.0f} %)"
    return rows


def write_table(page: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Puts the rows between the marks of a page."""
    text = page.read_text("utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    cells = [[readable(value) for value in row.values()] for row in rows]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *cells]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    page.write_text(f"{before}{START}\n{table}\n{END}{after}", "utf-8")


@click.command()
@json_option
@click.option(
    "--agent", "names", multiple=True, type=click.Choice(list(GALLERY)), help="Or all."
)
@click.option("--steps", type=click.IntRange(1), help="Of training, if not its own.")
@click.option("--episodes", default=40, type=click.IntRange(1), show_default=True)
@click.option("--jobs", default=1, type=click.IntRange(1), help="Of lesions.")
@click.option("--agents", default=Path("runs/gallery"), type=click.Path(path_type=Path))
@click.option("--out", default=Path("docs"), type=click.Path(path_type=Path))
def main(
    path: Path | None,
    names: tuple[str, ...],
    steps: int | None,
    episodes: int,
    jobs: int,
    agents: Path,
    out: Path,
) -> None:
    """Makes the gallery."""
    file = agents / "figures.json"
    rows = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for name in names or GALLERY:
        exhibit = GALLERY[name]
        if steps:
            exhibit = replace(exhibit, job=replace(exhibit.job, steps=steps))
        agent = trained(exhibit, agents / f"{name}.zip")
        rows[name] = examine(name, exhibit, agent, episodes, jobs, out)
        write_json(file, rows)
    made = [rows[name] for name in GALLERY if name in rows]
    show(made, "Gallery")
    write_json(path, made)
    if (page := out / "gallery.md").exists():
        write_table(page, made)


if __name__ == "__main__":
    main()
