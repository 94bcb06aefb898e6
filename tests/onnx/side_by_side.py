"""A file beside the model that it was made of: both act, and must do the same."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from agents import OBSERVATIONS
from gymnasium import spaces

from velora.onnx import OnnxAgent
from velora.sb3 import Agent
from velora.sb3.memory.masks import choices

LEAST_STEPS = 0  # 200 with --whole


@torch.no_grad()
def shaken(model: Any, by: float = 2.0) -> Any:
    """Moves the weights of a model, so that it acts one way here, another way there."""
    torch.manual_seed(5)
    for parameter in model.policy.parameters():
        if parameter.dim() > 1:
            n_inputs = parameter[0].numel()
            parameter.add_(by / n_inputs**0.5 * torch.randn_like(parameter))
    return model


def seen_by(model: Any) -> spaces.Space[Any]:
    """Returns the space of what the environment of a model gives."""
    space = model.observation_space
    image = OBSERVATIONS["image"]
    is_turned = space.shape == (1, 36, 36) and space.dtype == np.uint8
    seen: spaces.Space[Any] = copy.deepcopy(image if is_turned else space)
    seen.seed(3)
    return seen


def drawn(space: spaces.Space[Any], n_envs: int) -> Any:
    """Draws observations of some environments."""
    samples = [sample(space) for _ in range(n_envs)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([s[key] for s in samples]) for key in space}
    return np.stack(samples)


def sample(space: spaces.Space[Any]) -> Any:
    """Draws an observation; an image is dark or bright, as noise alone looks alike."""
    seen = space.sample()
    if space.dtype == np.uint8 and isinstance(space, spaces.Box):
        seen = (seen * space.np_random.random()).astype(np.uint8)
    return seen


def masks_for(space: spaces.Space[Any], n_envs: int, random: Any) -> np.ndarray:
    """Draws masks that leave a choice in each part of an action."""
    parts = []
    for count in choices(space):
        part = random.random((n_envs, count)) < 0.5
        part[np.arange(n_envs), random.integers(count, size=n_envs)] = True
        parts.append(part)
    return np.concatenate(parts, axis=1)


def assert_plain(path: Path) -> None:
    """Sees that there are tensors alone in a graph: few runtimes have sequences."""
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert operators
    assert not [name for name in operators if "Sequence" in name]


def assert_same(
    model: Any,
    path: Path,
    *,
    masked: bool = False,
    mask_key: str | None = None,
    normalised: Callable[[Any], Any] = lambda seen: seen,
    space: spaces.Space[Any] | None = None,
    steps: int = 60,
) -> OnnxAgent:
    """Compares actions and states of many steps, in one and in seven environments."""
    steps = max(steps, LEAST_STEPS)
    assert_plain(path)
    random = np.random.default_rng(1)
    agent, other = OnnxAgent(path), Agent(model)
    space = seen_by(model) if space is None else space
    actions = model.action_space
    everything = []
    for n_envs in (1, 7):
        agent.reset()
        other.reset()
        for _ in range(steps):
            seen = drawn(space, n_envs)
            masks = masks_for(actions, n_envs, random) if masked or mask_key else None
            given = (masks,) if masked else ()
            if mask_key:
                seen[mask_key] = masks.astype(seen[mask_key].dtype)
            got = agent.act(seen, *given)
            expected = other.act(normalised(seen), *given)
            assert got.shape == expected.shape == (n_envs, *actions.shape)
            assert got.dtype == actions.dtype
            if isinstance(actions, spaces.Box):
                np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
            else:
                np.testing.assert_array_equal(got, expected)
            assert all(actions.contains(action) for action in got)
            everything += list(got)
            done = random.random(n_envs) < 0.2
            agent.reset(done)
            other.reset(done)
    assert len(np.unique(everything, axis=0)) > 1, "it does the same whatever it sees"
    return agent
