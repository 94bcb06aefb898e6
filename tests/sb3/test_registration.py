"""velora-sb3 registers as anybody's plugin does."""

from __future__ import annotations

import pytest
from agents import ALGORITHMS, POLICIES, algorithm_class, make_agent

import velora.sb3
from velora.plugins import extractors, networks, plugins, policies

MODULES = {name: name.lower() for name in ALGORITHMS} | {"MaskablePPO": "maskable_ppo"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("policy", POLICIES)
def test_policy_is_an_alias_an_entry_and_a_class(algorithm: str, policy: str) -> None:
    kind = getattr(getattr(velora.sb3, MODULES[algorithm]), policy)
    aliases = algorithm_class(algorithm).policy_aliases
    assert aliases[policy] is kind
    assert aliases.keys() - set(POLICIES)  # those of Stable-Baselines3 are left
    entry = policies()[f"{MODULES[algorithm]}.{policy}"]
    assert entry.build is kind
    assert entry.distribution == "velora-sb3"
    assert type(make_agent(algorithm, kind, "window").policy) is kind


def test_registries_hold_what_the_packages_provide() -> None:
    # RecurrentPPO takes one, our own algorithms three each.
    assert len(policies()) == 2 * len(ALGORITHMS) + 1 + 3 * 3
    assert policies()["recurrent_ppo.LiquidPolicy"].distribution == "velora-sb3"
    assert extractors()["NCPExtractor"].build is velora.sb3.NCPExtractor
    assert networks()["liquid"].recurrent
    assert not networks()["ncp"].recurrent


def test_packages_show_up_as_active_plugins() -> None:
    ours = {info.distribution: info for info in plugins()}
    assert ours["velora-sb3"].status == "active"
    assert "policy ppo.NCPPolicy" in ours["velora-sb3"].provides
    assert "network liquid" in ours["velora-lnn"].provides
    assert "wiring ncp" in ours["velora-wiring"].provides
