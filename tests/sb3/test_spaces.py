"""A rule for a space holds for its parts, and what cannot work is said at once."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import ALGORITHMS, POLICIES, learn
from gymnasium import spaces
from gymnasium.wrappers import FrameStackObservation
from sb3_contrib import RecurrentPPO
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
    extractors,
    make,
)
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import (
    CombinedExtractor,
    FlattenExtractor,
)

import velora.sb3.extractors
from velora.sb3 import LiquidExtractor, NCPExtractor, ppo
from velora.sb3.common import network_choice
from velora.sb3.common import policy as policies
from velora.sb3.common.default_extractor import default_extractor
from velora.sb3.common.dict_extractor import DictExtractor, DictWindowExtractor
from velora.sb3.common.frames import FrameStackExtractor
from velora.sb3.common.windows import WindowExtractor

DISCRETE = spaces.Discrete(3)
LARGE = spaces.Box(0, 255, (3, 36, 36), np.uint8)
# What a network without a time axis, and one with it, is given of a space.
CHOSEN: list[tuple[spaces.Space[Any], type[Any], type[Any]]] = [
    (FLAT, FlattenExtractor, FlattenExtractor),
    (WINDOW, FlattenExtractor, WindowExtractor),
    (STACK, FrameStackExtractor, FrameStackExtractor),
    (FIRST_STACK, FrameStackExtractor, FrameStackExtractor),
    (SMALL_STACK, FrameStackExtractor, FrameStackExtractor),
    (SMALL, FlattenExtractor, FlattenExtractor),
    (spaces.Dict(a=FLAT, b=DISCRETE), CombinedExtractor, CombinedExtractor),
    (spaces.Dict(a=SMALL), DictExtractor, DictExtractor),
    (spaces.Dict(a=WINDOW, b=FLAT), CombinedExtractor, DictWindowExtractor),
    (spaces.Dict(a=STACK, b=DISCRETE), DictExtractor, DictWindowExtractor),
    (spaces.Dict(a=SMALL, b=WINDOW), DictExtractor, DictWindowExtractor),
    (spaces.Dict(a=spaces.MultiBinary(3)), CombinedExtractor, CombinedExtractor),
    (spaces.Dict(a=LARGE), CombinedExtractor, CombinedExtractor),
    (spaces.Dict(a=spaces.Box(0, 1, (0,), F), b=FLAT),) + (CombinedExtractor,) * 2,
    (spaces.Dict(a=spaces.Box(0, 1, (4, 0), F), b=FLAT),) + (CombinedExtractor,) * 2,
    (spaces.Box(0, 1, (4, 36, 36, 3), F), FlattenExtractor, FlattenExtractor),
]


@pytest.mark.filterwarnings("ignore:Observations of shape")
@pytest.mark.parametrize(("space", "plain", "timed"), CHOSEN, ids=str)
def test_extractor_fits_the_space(space: Any, plain: Any, timed: Any) -> None:
    assert default_extractor(space, recurrent=False) is plain
    assert default_extractor(space, recurrent=True) is timed


LEARNING = [
    spaces.Dict(a=SMALL, b=FLAT),
    spaces.Dict(a=IMAGE, b=SMALL_STACK, c=WINDOW, d=DISCRETE),
    SMALL_STACK,
]


@pytest.mark.parametrize("space", LEARNING, ids=["small", "all", "stack"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.filterwarnings("ignore:A recurrent network has no memory")
def test_agents_learn_from_parts(
    algorithm: str, policy: str, space: Any, tmp_path: Path
) -> None:
    if algorithm == "CrossQ" and isinstance(space, spaces.Dict):
        with pytest.raises(ValueError, match=r"CrossQ takes no Dict.*FlattenObs"):
            make(space, algorithm, policy)
        return
    model = learn(make(space, algorithm, policy))
    seen = model.observation_space.sample()
    model.save(tmp_path / "agent")
    loaded = type(model).load(tmp_path / "agent", device="cpu")
    assert not loaded.takes_spaces_whole
    expected, _ = model.predict(seen, deterministic=True)
    np.testing.assert_allclose(loaded.predict(seen, deterministic=True)[0], expected)


@pytest.mark.parametrize("space", LEARNING, ids=["small", "all", "stack"])
def test_recurrent_ppo_learns_from_parts(space: Any) -> None:
    options = {"n_neurons": 8}
    env = make_vec_env(lambda: Sampled(space), 2)
    model = RecurrentPPO(
        "LiquidPolicy", env, n_steps=8, batch_size=8, policy_kwargs=options
    )
    model.learn(16)


@pytest.mark.parametrize("extractor", [NCPExtractor, LiquidExtractor])
@pytest.mark.parametrize("space", LEARNING, ids=["small", "all", "stack"])
@pytest.mark.filterwarnings("ignore:A recurrent network has no memory")
def test_extractors_follow_the_same_rules(extractor: Any, space: Any) -> None:
    options = {"n_neurons": 8, "features_dim": 5}
    plain = "MultiInputPolicy" if isinstance(space, spaces.Dict) else "MlpPolicy"
    model = make(
        space,
        policy=plain,
        features_extractor_class=extractor,
        features_extractor_kwargs=options,
    )
    expected = default_extractor(
        model.observation_space, recurrent=extractor is LiquidExtractor
    )
    assert expected in [type(inner) for inner in extractors(learn(model))]


def test_windows_of_different_lengths_are_refused() -> None:
    space = spaces.Dict(a=WINDOW, b=spaces.Box(0, 1, (5, 2), F), c=FLAT)
    with pytest.raises(ValueError, match=r"same number of steps T; got .*4.*5"):
        make(space)
    with pytest.raises(ValueError, match="same number of steps"):
        LiquidExtractor(space)
    make(space, policy="NCPPolicy")


REFUSED = [
    (spaces.Box(-1, 1, (), F), "must have an axis"),
    (spaces.Dict(a=spaces.Box(-1, 1, (), F), b=FLAT), "A Box of 'a' must have an axis"),
    (spaces.Box(-1, 1, (0,), F), "must hold a number"),
    (spaces.Box(-1, 1, (4, 0), F), "must hold a number"),
    (spaces.Dict(), "must hold a number"),
    (spaces.Dict(a=spaces.Box(-1, 1, (0,), F)), "must hold a number"),
    (spaces.Discrete(5, start=1), "must start at 0"),
    (spaces.Dict(a=spaces.Discrete(5, start=-1)), "A Discrete of 'a' must start"),
    (spaces.MultiDiscrete([2, 3], start=[0, 1]), "must start at 0"),
    (spaces.MultiDiscrete([[2, 3], [3, 4]]), "must have one axis"),
    (spaces.Dict({"a.b": FLAT}), "no dot.*'a.b'"),
    (spaces.Dict({"": FLAT}), "not be blank"),
    (spaces.Dict({"keys": FLAT}), "no attribute of torch.nn.ModuleDict; got 'keys'"),
    (spaces.Tuple((FLAT, FLAT)), "FlattenObservation"),
    (spaces.Dict(a=spaces.Dict(b=FLAT)), "FlattenObservation"),
    (IMAGE, "channels first.*VecTransposeImage"),
    (spaces.Dict(a=IMAGE), "channels first.*VecTransposeImage"),
]


@pytest.mark.parametrize(("space", "text"), REFUSED, ids=str)
def test_spaces_that_cannot_work_are_refused_at_construction(
    space: Any, text: str
) -> None:
    for kind in (ppo.NCPPolicy, ppo.LiquidPolicy):
        with pytest.raises(ValueError, match=text):
            kind(space, DISCRETE, lambda _: 1e-3)
    with pytest.raises(ValueError, match=text):
        NCPExtractor(space)


def said(space: Any, **options: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(space, **options)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("policy", POLICIES)
def test_image_without_channels_is_doubted(policy: str, nested: bool) -> None:
    space: Any = spaces.Box(0, 255, (84, 84), np.uint8)
    texts = said(spaces.Dict(a=space) if nested else space, policy=policy)
    assert len(texts) == 1
    for word in ("window of 84 steps", "(84, 84, 1)", "keep_dim=True", "Dtype"):
        assert word in texts[0]


def test_other_windows_are_not_doubted() -> None:
    assert not said(WINDOW)
    assert not said(spaces.Box(0, 255, (4, 128), np.uint8))  # stacked memories of Atari
    assert not said(spaces.Box(0, 1, (84, 84), F))


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0, 1, (40, 40, 3), F),
        spaces.Box(0, 254, (3, 40, 40), np.uint8),
        spaces.Dict(a=spaces.Box(0, 1, (1, 36, 36), F)),
        spaces.Box(0, 1, (4, 36, 36, 1), F),
    ],
    ids=str,
)
def test_images_that_are_flattened_are_doubted(space: Any) -> None:
    (text,) = said(space, policy="NCPPolicy")
    assert "may be images" in text
    assert "normalize_images=False" in text


def test_warning_of_no_memory_says_what_has_one() -> None:
    (text,) = said(spaces.Box(0, 255, (36, 36, 4), np.uint8))
    assert "(T, H, W, C)" in text
    for stacked in (Sampled(IMAGE), Sampled(spaces.Dict(a=IMAGE, b=FLAT))):
        assert not said(FrameStackObservation(stacked, 4).observation_space)


OLD = [STACK, spaces.Dict(a=WINDOW, b=FLAT), spaces.Dict(a=STACK, b=DISCRETE)]


@pytest.mark.parametrize("policy", [*POLICIES, "extractor"])
@pytest.mark.parametrize("space", OLD, ids=["stack", "windows", "stacks"])
@pytest.mark.filterwarnings("ignore:A recurrent network has no memory")
def test_agents_saved_before_are_taken_as_a_whole(
    space: Any, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"policy": policy}
    if policy == "extractor":
        is_dict = isinstance(space, spaces.Dict)
        options["policy"] = "MultiInputPolicy" if is_dict else "MlpPolicy"
        options["features_extractor_class"] = LiquidExtractor
    with monkeypatch.context() as before:
        for module in (policies, velora.sb3.extractors):
            before.setattr(module, "takes_spaces_whole", lambda: True)
        before.setattr(network_choice, "defaults_of", lambda family: {})
        model = learn(make(space, **options))
    del model.takes_spaces_whole, model.network_defaults  # which it did not note
    seen = model.observation_space.sample()
    for path in (tmp_path / "old", tmp_path / "again"):
        expected, _ = model.predict(seen, deterministic=True)
        model.save(path)
        model = type(model).load(path, env=Sampled(space), device="cpu")
        assert model.takes_spaces_whole
        np.testing.assert_allclose(model.predict(seen, deterministic=True)[0], expected)
        learn(model)
