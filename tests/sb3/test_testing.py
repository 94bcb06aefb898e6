"""The checks of policies and extractors pass ours and catch wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from torch import nn

import velora.sb3_plugin
from velora.plugins import Entry, checks, extractors, policies
from velora.plugins.testing import CheckError, check_plugin
from velora.sb3.ppo import NCPPolicy
from velora.sb3.testing import check_extractor, check_policy


def entry(build: Any) -> Entry:
    return Entry("acme", build, "one of Acme", "acme")


def test_checks_are_registered_under_their_kinds() -> None:
    assert checks()["policy"].build is check_policy
    assert checks()["extractor"].build is check_extractor


def test_our_plugin_and_all_that_it_registers_is_right() -> None:
    checked = check_plugin(velora.sb3_plugin)
    assert {f"policy {name}" for name in policies()} <= set(checked.checked)
    assert {f"extractor {name}" for name in extractors()} <= set(checked.checked)


def test_extractor_of_images_alone_is_right() -> None:
    check_extractor(entry(NatureCNN))


class Unsaved(NCPPolicy):
    """Forgets a constructor's argument when it is saved."""

    def __init__(self, *args: Any, turned: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.turned = turned

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        actions, state = super().predict(*args, **kwargs)
        return (actions.clip(0.5, 1) if self.turned else actions.clip(-1, -0.5)), state

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"turned": False}


class Unbounded(NCPPolicy):
    """Leaves the space of actions."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return np.full((3, 2), 9.0), None


class Narrow(FlattenExtractor):
    """Gives fewer features than it says."""

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return super().forward(observations)[:, 1:]


class Images(FlattenExtractor):
    """Takes nothing at all."""

    def __init__(self, observation_space: spaces.Space[Any]) -> None:
        raise ValueError("needs a spectrogram")


@pytest.mark.parametrize(
    ("check", "build", "words"),
    [
        (check_policy, nn.Linear, ["class: ", "subclass of", "BasePolicy", "Linear"]),
        (check_policy, lambda: None, ["class: ", "Register the class itself"]),
        (check_policy, Unsaved, ["box: ", "`load` must give back what `save` wrote"]),
        (check_policy, Unbounded, ["box: ", "as many actions of Box"]),
        (check_extractor, nn.Linear, ["BaseFeaturesExtractor"]),
        (check_extractor, Narrow, ["flat: ", "= (3, 4); got (3, 3)"]),
        (check_extractor, Images, ["takes no space: dict: ", "needs a spectrogram"]),
    ],
)
def test_wrong_one_is_caught_with_every_failure(
    check: Any, build: Any, words: list[str]
) -> None:
    with pytest.raises(CheckError) as caught:
        check(entry(build))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_checks_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    check_policy(entry(NCPPolicy))
    check_extractor(entry(FlattenExtractor))
    assert torch.equal(torch.get_rng_state(), before)
