"""An environment that paints itself, and what is read of a report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from agents import RandomEnv


class Painted(RandomEnv):
    """Random observations, and pictures whose brightness is the step."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012  # gymnasium's

    def __init__(
        self,
        observations: str = "flat",
        actions: str = "discrete",
        render_mode: str | None = None,
        steps: int = 10,
        noisy: bool = False,
    ) -> None:
        super().__init__(observations, actions)
        self.render_mode, self.steps, self.noisy = render_mode, steps, noisy

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        first = super().reset(seed=seed, options=options)
        self.left = self.steps
        return first

    def render(self) -> Any:
        if self.noisy:
            random = np.random.default_rng(self.left)
            return random.integers(256, size=(120, 180, 3), dtype=np.uint8)
        return np.full((40, 60, 3), 20 * self.left % 256, np.uint8)


class Blind(RandomEnv):
    """One that knows no pictures, nor the argument."""

    def __init__(self) -> None:
        super().__init__("flat", "discrete")


def register() -> None:
    """Registers both by name."""
    for name, made in (("Painted-v0", Painted), ("Blind-v0", Blind)):
        if name not in gym.registry:
            gym.register(name, made)


def data_of(path: Path) -> Any:
    """Reads what the script of a page shows."""
    text = path.read_text("utf-8")
    (found,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', text
    )
    return json.loads(found)


def words_of(path: Path) -> str:
    """Returns a page without its style, script, data and tags."""
    text = re.sub(r"<(script|style).*?</\1>", "", path.read_text("utf-8"), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
