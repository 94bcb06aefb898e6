"""What a network gets of stacked images, and of windows inside a Dict, is right."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from agents import learn
from gymnasium import spaces
from gymnasium.wrappers import FrameStackObservation
from spaces_of_parts import (
    FIRST_STACK,
    FLAT,
    IMAGE,
    SMALL,
    SMALL_STACK,
    STACK,
    WINDOW,
    F,
    Sampled,
    batch,
    make,
)
from stable_baselines3.common.torch_layers import NatureCNN
from torch import Tensor, nn

from velora.sb3 import LiquidExtractor, NCPExtractor, networks_of
from velora.sb3.common.dict_extractor import DictExtractor, DictWindowExtractor
from velora.sb3.common.frames import FrameStackExtractor
from velora.sb3.common.windows import WindowExtractor

DISCRETE = spaces.Discrete(3)


def images(stack: Tensor, last: bool) -> list[Tensor]:
    """Returns (B, C, H, W) images, from 0 to 1, of each step of a stack."""
    steps = stack.transpose(0, 1) / 255
    return [step.permute(0, 3, 1, 2) if last else step for step in steps]


@pytest.mark.parametrize("space", [STACK, FIRST_STACK], ids=["last", "first"])
def test_nature_cnn_sees_each_frame(space: Any) -> None:
    extractor = FrameStackExtractor(space, features_dim=7)
    stack = batch(space)
    cnn = next(m for m in extractor.modules() if isinstance(m, NatureCNN))
    assert extractor.window == (4, 7)
    assert extractor.features_dim == 28
    expected = torch.cat([cnn(frame) for frame in images(stack, space is STACK)], dim=1)
    torch.testing.assert_close(extractor(stack), expected)


def test_all_frames_are_one_batch() -> None:
    extractor = FrameStackExtractor(STACK, features_dim=7)
    sizes: list[torch.Size] = []
    cnn = next(m for m in extractor.modules() if isinstance(m, NatureCNN))
    cnn.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape))
    extractor(batch(STACK))
    assert sizes == [(12, 3, 36, 40)]


def test_pixels_of_small_frames_are_from_0_to_1() -> None:
    extractor = FrameStackExtractor(SMALL_STACK)
    stack = batch(SMALL_STACK)
    assert extractor.window == (4, 216)
    pixels = torch.stack([step.flatten(1) for step in images(stack, True)], dim=1)
    torch.testing.assert_close(extractor(stack), pixels.flatten(1))


@pytest.mark.parametrize("shape", [(4, 36, 36, 3), (4, 3, 36, 36), (4, 6, 6, 1)])
@pytest.mark.parametrize("policy", ["NCPPolicy", "LiquidPolicy"])
def test_normalised_frames_are_left_alone(policy: str, shape: Any) -> None:
    model = make(spaces.Box(0, 1, shape, F), policy=policy, normalize_images=False)
    extractor = model.policy.features_extractor
    assert isinstance(extractor, FrameStackExtractor)
    assert extractor.frames.scale == 1
    learn(model)
    policy_class = type(model.policy)
    again = policy_class(**model.policy._get_constructor_parameters())
    assert again.features_extractor.frames.scale == 1


@pytest.mark.parametrize("space", [WINDOW, FLAT, IMAGE, SMALL], ids=str)
def test_stack_must_be_one_of_images(space: Any) -> None:
    with pytest.raises(ValueError, match=r"shape \(T, H, W, C\)"):
        FrameStackExtractor(space)


def oldest_matters(model: Any, key: str | None) -> bool:
    """Whether the first step of a window changes what an agent does."""
    space = model.observation_space
    space.seed(1)
    seen, other = space.sample(), space.sample()
    changed = copy.deepcopy(seen)
    if key is None:
        changed[0] = other[0]
    else:
        changed[key][0] = other[key][0]
    actions = [model.predict(obs, deterministic=True)[0] for obs in (seen, changed)]
    return not np.array_equal(*actions)


@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "TD3", "TQC"])
@pytest.mark.parametrize(
    ("space", "key"),
    [
        (STACK, None),
        (SMALL_STACK, None),
        (spaces.Dict(a=FLAT, w=WINDOW), "w"),
        (spaces.Dict(a=FLAT, w=SMALL_STACK), "w"),
    ],
    ids=["stack", "small", "window", "stack-in-dict"],
)
def test_liquid_agent_remembers_the_oldest_step(
    algorithm: str, space: Any, key: str | None
) -> None:
    model = make(space, algorithm)
    assert oldest_matters(model, key)
    assert networks_of(model)["pi"].in_features <= 512  # of a step


ALL = spaces.Dict(
    flat=FLAT, image=SMALL, kind=DISCRETE, stack=SMALL_STACK, window=WINDOW
)


def test_windows_of_a_dict_go_side_by_side_and_the_rest_with_every_step() -> None:
    extractor = DictWindowExtractor(ALL)
    seen = batch(ALL)
    assert extractor.window == (4, 216 + 3)
    features = extractor(seen)
    window = features[:, : 4 * 219].view(3, 4, 219)
    pixels = torch.stack([f.flatten(1) for f in images(seen["stack"], True)], dim=1)
    torch.testing.assert_close(window[..., :216], pixels)
    torch.testing.assert_close(window[..., 216:], seen["window"])
    rest = [seen["flat"], seen["image"].flatten(1), seen["kind"]]
    torch.testing.assert_close(features[:, 4 * 219 :], torch.cat(rest, dim=1))
    assert features.shape == (3, extractor.features_dim)


def test_liquid_network_gets_flat_entries_and_action_at_every_step() -> None:
    space = spaces.Dict(a=FLAT, b=DISCRETE, w=WINDOW)
    critic = make(space, "SAC").critic
    body = critic.q_networks[0]
    seen, action = batch(space), torch.rand(3, 2)
    features = critic.features_extractor(seen)
    state = None
    for step in range(4):
        now = [seen["w"][:, step], seen["a"], seen["b"], action]
        y, state = body.network(torch.cat(now, dim=1), state)
    torch.testing.assert_close(body(torch.cat((features, action), dim=1)), y)


def test_plain_network_gets_all_entries_at_once() -> None:
    extractor = DictExtractor(ALL)
    seen = batch(ALL)
    expected = {key: part.flatten(1) for key, part in seen.items()}
    frames = torch.stack(images(seen["stack"], True), dim=1)
    expected["stack"] = frames.flatten(1)
    torch.testing.assert_close(
        extractor(seen), torch.cat([expected[key] for key in ALL], dim=1)
    )


def test_window_alone_is_the_same_inside_a_dict() -> None:
    torch.manual_seed(0)
    alone = LiquidExtractor(WINDOW, 5, n_neurons=8)
    inside = LiquidExtractor(spaces.Dict(w=WINDOW), 5, n_neurons=8)
    assert isinstance(alone.inputs, WindowExtractor)
    inside.body.load_state_dict(alone.body.state_dict())
    seen = batch(WINDOW)
    torch.testing.assert_close(inside({"w": seen}), alone(seen))


def test_image_alone_is_the_same_inside_a_dict() -> None:
    alone = NCPExtractor(SMALL, 5, n_neurons=8)
    inside = NCPExtractor(spaces.Dict(i=SMALL), 5, n_neurons=8)
    inside.body.load_state_dict(alone.body.state_dict())
    seen = batch(SMALL) / 255
    torch.testing.assert_close(inside({"i": seen}), alone(seen))


def test_convolutions_learn_through_time() -> None:
    model = make(STACK, "PPO", features_extractor_kwargs={"features_dim": 6})
    cnn = next(m for m in model.policy.modules() if isinstance(m, nn.Conv2d))
    before = cnn.weight.detach().clone()
    learn(model)
    assert not torch.equal(cnn.weight, before)
    assert networks_of(model)["pi"].in_features == 6


@pytest.mark.parametrize("space", [IMAGE, SMALL, FLAT, spaces.Dict(a=IMAGE, b=FLAT)])
def test_frame_stack_of_gymnasium_gives_a_memory(space: Any) -> None:
    env = FrameStackObservation(Sampled(space), 4)
    model = make(env.observation_space)
    assert oldest_matters(model, "a" if isinstance(space, spaces.Dict) else None)


def test_actions_of_a_batch_are_those_of_its_rows() -> None:
    model = make(ALL)
    env_space = model.observation_space
    rows = [env_space.sample() for _ in range(3)]
    together = {key: np.stack([row[key] for row in rows]) for key in env_space}
    actions, _ = model.predict(together, deterministic=True)
    for row, action in zip(rows, actions, strict=True):
        alone, _ = model.predict(row, deterministic=True)
        np.testing.assert_allclose(alone, action, atol=1e-6)
