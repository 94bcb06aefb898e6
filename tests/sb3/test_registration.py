"""velora-sb3 registers as anybody's plugin does."""

from __future__ import annotations

import pytest
from stable_baselines3 import A2C, PPO

import velora.sb3
from velora.plugins import extractors, networks, plugins, policies


@pytest.mark.parametrize("algorithm", [PPO, A2C])
def test_policies_are_aliases_of_the_algorithm(algorithm: type) -> None:
    module = getattr(velora.sb3, algorithm.__name__.lower())
    assert algorithm.policy_aliases["NCPPolicy"] is module.NCPPolicy
    assert algorithm.policy_aliases["LiquidPolicy"] is module.LiquidPolicy
    assert "MlpPolicy" in algorithm.policy_aliases


def test_registries_hold_what_the_packages_provide() -> None:
    assert policies()["ppo.LiquidPolicy"].build is velora.sb3.ppo.LiquidPolicy
    assert policies()["a2c.NCPPolicy"].distribution == "velora-sb3"
    assert extractors()["NCPExtractor"].build is velora.sb3.NCPExtractor
    assert networks()["liquid"].recurrent
    assert not networks()["ncp"].recurrent


def test_packages_show_up_as_active_plugins() -> None:
    ours = {info.distribution: info for info in plugins()}
    assert ours["velora-sb3"].status == "active"
    assert "policy ppo.NCPPolicy" in ours["velora-sb3"].provides
    assert "network liquid" in ours["velora-lnn"].provides
    assert "wiring ncp" in ours["velora-wiring"].provides
