"""The network "ltc" in every algorithm, over windows and with a carried state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import ALGORITHMS, learn, make_agent, predict
from recurrent_agents import (
    CRITICS,
    TIMED,
    assert_same_behaviour,
    each_critic,
    follow,
    make_model,
    ragged,
    sequence,
)
from recurrent_agents import learn as learn_recurrent

from velora.models import LTCNetwork
from velora.sb3 import networks_of
from velora.wiring import small_world

LTC = {"network": "ltc", "n_neurons": 8}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_learns_over_windows(algorithm: str, tmp_path: Path) -> None:
    model = learn(make_agent(algorithm, "LiquidPolicy", policy_kwargs=LTC))
    networks = networks_of(model, LTCNetwork)
    assert networks
    assert all(network.n_neurons == 8 for network in networks.values())
    model.save(tmp_path / "agent.zip")
    loaded = type(model).load(tmp_path / "agent.zip", device="cpu")
    np.testing.assert_array_equal(predict(loaded), predict(model))
    for role, network in networks_of(loaded, LTCNetwork).items():
        assert network.wiring == networks[role].wiring


@each_critic
def test_recurrent_ppo_learns_and_is_saved(critic: str, tmp_path: Path) -> None:
    model = learn_recurrent(make_model(policy_kwargs=LTC | CRITICS[critic]))
    assert isinstance(model.policy.networks["pi"], LTCNetwork)
    model.save(tmp_path / "agent.zip")
    assert_same_behaviour(model, type(model).load(tmp_path / "agent.zip", device="cpu"))


@pytest.mark.parametrize(
    "wiring", ["ncp", "random", "small-world", "dense", small_world]
)
def test_recurrent_ppo_learns_with_every_wiring(wiring: Any) -> None:
    options = LTC | {"network_kwargs": {"wiring": wiring, "ode_unfolds": 2}}
    model = make_model(policy_kwargs=options)
    before = follow(model, sequence(model))[0]
    assert not np.array_equal(
        follow(learn_recurrent(model), sequence(model))[0], before
    )


def test_recurrent_ppo_explores_by_its_states() -> None:
    model = learn_recurrent(make_model(policy_kwargs=LTC, use_sde=True))
    assert model.policy.log_std.shape == (8 + 3, 3)  # all neurons, and actions


def test_time_of_the_observations_is_that_of_the_neurons() -> None:
    model = make_model(ragged(TIMED), policy_kwargs=LTC | {"timespan_key": "dt"})
    learn_recurrent(model)
    observations = sequence(model)
    for obs in observations:
        obs["dt"][:] = 0
    _, state = follow(model, observations)
    assert not state[0].any()  # no time has passed since the first zeros
    for obs in observations:
        obs["dt"][:] = 1
    assert follow(model, observations)[1][0].any()


def test_an_option_that_the_network_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match=r"'ltc'.*init_type.*ode_unfolds"):
        make_model(policy_kwargs=LTC | {"init_type": "zero"})
