"""Recordings of Walker2d, made once, and kept outside of the repository.

The walker is gymnasium's Walker2d-v5 of MuJoCo, which goes on where it has fallen. It
is moved by random actions and by a PPO of Stable-Baselines3 with MlpPolicy at three
moments of a short training, in equal shares.

Physics differ in their last digits from one machine to the next, and so do recordings:
a file's name says how it was made and what it holds, and that is what is compared.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from common.versions import digest

ENV = "Walker2d-v5"
FRAMES = 160  # of a rollout; one takes 8 ms
ROLLOUTS = 160  # of each who moves it
SNAPSHOTS = (20_000, 60_000, 120_000)  # steps of training
SIDE_BY_SIDE = 8
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "velora-benchmarks"

Choose = Callable[[np.ndarray], np.ndarray]


def recorded(folder: Path, scale: float) -> Path:
    """Returns the file of the recordings, which is made where there is none.

    Its name has what this module was when it made it.

    Args:
        folder: Where it is kept.
        scale: Of the number of rollouts, and of the training.
    """
    folder = folder.expanduser()
    recipe = f"walker2d-{digest([__name__])}-{scale:g}"
    if found := sorted(folder.glob(f"{recipe}-*.npy")):
        return found[0]
    click.echo(f"Making the recordings of {ENV}, once, which takes some minutes.")
    memory = io.BytesIO()
    np.save(memory, _record(scale))
    content = memory.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{recipe}-{_checksum(content)}.npy"
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, file)
    return file


def load(file: Path) -> np.ndarray:
    """Returns the recordings: (rollouts, frames, 17) observations.

    Raises:
        ValueError: The file does not hold what its name says.
    """
    content = file.read_bytes()
    wanted, found = file.stem.split("-")[-1], _checksum(content)
    if found != wanted:
        raise ValueError(
            f"{file} must have the checksum in its name, {wanted}; got {found}. Remove "
            "it, and it is made again."
        )
    return np.asarray(np.load(io.BytesIO(content)))


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _record(scale: float) -> np.ndarray:
    """Trains, and records in between."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    torch.set_num_threads(1)
    env = make_vec_env(ENV, SIDE_BY_SIDE, 0)
    agent = PPO("MlpPolicy", env, n_steps=512, seed=0, device="cpu")
    rng, space = np.random.default_rng(0), agent.action_space
    shape = (SIDE_BY_SIDE, *space.shape)
    number = max(int(scale * ROLLOUTS), SIDE_BY_SIDE)
    found = [_rollouts(lambda _: rng.uniform(space.low, space.high, shape), number, 1)]
    for n, steps in enumerate(SNAPSHOTS):
        more = int(scale * steps) - agent.num_timesteps
        agent.learn(max(more, 1), reset_num_timesteps=False)
        found.append(_rollouts(lambda seen: agent.predict(seen)[0], number, n + 2))
    return np.concatenate(found).astype(np.float32)


def _rollouts(choose: Choose, number: int, seed: int) -> np.ndarray:
    """Returns (number, FRAMES, 17) observations of what is chosen by what is seen."""
    from stable_baselines3.common.env_util import make_vec_env

    goes_on = {"terminate_when_unhealthy": False}
    env = make_vec_env(ENV, SIDE_BY_SIDE, 1000 * seed, env_kwargs=goes_on)
    found = []
    for _ in range(0, number, SIDE_BY_SIDE):
        seen = [np.asarray(env.reset())]
        while len(seen) < FRAMES:
            seen.append(np.asarray(env.step(choose(seen[-1]))[0]))
        found.append(np.stack(seen, axis=1))
    env.close()
    return np.concatenate(found)[:number]
