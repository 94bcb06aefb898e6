"""What RecurrentPPO cannot think with is refused, in words that name the fix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from agents import make_env
from recurrent_agents import CRITICS, make_model, sequence
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3 import PPO
from torch import nn

from velora.sb3 import ppo, recurrent_ppo

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"net_arch": [64]}, ValueError, "`net_arch`.*`n_neurons`"),
        ({"activation_fn": nn.ReLU}, ValueError, "`activation_fn`.*leave it out"),
        ({"lstm_hidden_size": 8}, ValueError, "`lstm_hidden_size`.*`n_neurons`"),
        (
            {"net_arch": {"pi": [8]}, "lstm_hidden_size": 8, "n_neurons": 8},
            ValueError,
            "^`lstm_hidden_size`, `net_arch` must be left out",
        ),
        ({"n_lstm_layers": 1}, ValueError, "`n_lstm_layers`.*`n_neurons`"),
        ({"lstm_kwargs": {}}, ValueError, "`lstm_kwargs`.*`n_neurons`"),
        ({"shared_lstm": True}, ValueError, "enable_critic_lstm=False"),
        (
            CRITICS["shared"] | {"share_features_extractor": False},
            ValueError,
            "`shared_lstm` needs a shared features extractor",
        ),
        ({"n_neurons": {"pi": 8}}, ValueError, r"keys \['pi', 'vf'\]"),
        (CRITICS["shared"] | {"n_neurons": {"vf": 8}}, ValueError, r"keys \['pi'\]"),
        ({"network": "nope"}, KeyError, "'liquid', 'lstm', 'ltc', 'ncp'"),
        ({"network": "ncp"}, ValueError, r"'ncp' does not.*'liquid'.*without memory"),
        (
            {"network": "test-unresettable"},
            TypeError,
            "'test-unresettable' must take `resets`",
        ),
        ({"network": "test-beginningless"}, TypeError, "must offer `initial_state`"),
        ({"nope": 1}, TypeError, "nope"),
    ],
)
def test_bad_policy_kwargs_are_refused(options: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make_model(policy_kwargs=options)


@pytest.mark.parametrize(
    ("policy", "error", "text"),
    [
        (ppo.LiquidPolicy, TypeError, r'RecurrentPPO\("LiquidPolicy", env\)'),
        ("NCPPolicy", ValueError, "NCPPolicy"),
    ],
)
def test_policy_without_memory_is_refused(policy: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make_model(policy=policy)


def test_policy_with_memory_is_refused_by_an_algorithm_without() -> None:
    with pytest.raises(TypeError, match="A policy of PPO must"):
        PPO(recurrent_ppo.LiquidPolicy, make_env(), device="cpu")


@pytest.mark.parametrize(
    ("shapes", "start", "text"),
    [
        ([(3, 2, 5)], None, r"`state` .*\(3, 2, 5\), \(3, 3\)\].*got \[\(3, 2, 5\)\]"),
        ([(3, 10), (3, 3)], None, r"`state` .*got \[\(3, 10\), \(3, 3\)\]"),
        ([(2, 2, 5), (2, 3)], None, r"`state` .*got \[\(2, 2, 5\)"),
        ([(1, 3, 7), (1, 3, 7)], None, r"`state` .*got \[\(1, 3, 7\)"),
        ([(3, 2, 5), (3, 3)], (2,), r"`episode_start` .*\(3,\); got \(2,\)"),
        ([(3, 2, 5), (3, 3)], (3, 1), r"`episode_start` .*got \(3, 1\)"),
    ],
)
def test_state_or_start_of_another_shape_is_refused(
    shapes: list[Any], start: Any, text: str
) -> None:
    model = make_model(policy_kwargs={"network": "test-pair"})
    state = tuple(np.zeros(shape, np.float32) for shape in shapes)
    begins = None if start is None else np.zeros(start)
    with pytest.raises(ValueError, match=text):
        model.predict(sequence(model, 1)[0], state, begins)


def test_network_that_returns_a_state_of_another_shape_is_named() -> None:
    model = make_model(policy_kwargs={"network": "test-growing"})
    with pytest.raises(ValueError, match=r"Growing .*\(3, 3\)\].*got .*\(3, 6\)"):
        model.predict(sequence(model, 1)[0])


def test_network_that_returns_outputs_batch_first_is_named() -> None:
    model = make_model(policy_kwargs={"network": "test-batchfirst"})
    with pytest.raises(
        ValueError, match=r"BatchFirst .*outputs of the shape \(T, batch"
    ):
        model.predict(sequence(model, 1)[0])  # of three environments


def test_network_that_returns_a_list_for_a_state_is_named() -> None:
    model = make_model(policy_kwargs={"network": "test-listed"})
    with pytest.raises(ValueError, match=r"Listed .*a state of the shapes.*'list'"):
        model.predict(sequence(model, 1)[0])


def test_what_predict_returns_is_not_what_is_evaluated() -> None:
    model = make_model()
    policy, (obs, *_) = model.policy, sequence(model)
    actions, state = model.predict(obs)
    seen, starts = torch.as_tensor(obs), torch.zeros(3)
    for wrong in (state, tuple(map(torch.as_tensor, state)), state[0], None):
        with pytest.raises(TypeError, match=r"RNNStates\(pi, vf\).*lstm_actor\.pack"):
            policy.evaluate_actions(seen, torch.as_tensor(actions), wrong, starts)
        with pytest.raises(TypeError, match=r"RNNStates\(pi, vf\)"):
            policy(seen, wrong, starts)
        for method in (policy.get_distribution, policy.predict_values):
            with pytest.raises(ValueError, match=r"two tensors of shape \(1, n_seq"):
                method(seen, wrong, starts)
    packed = policy.lstm_actor.pack(tuple(map(torch.as_tensor, state)))
    with pytest.raises(ValueError, match="for 3 rows of observations"):
        policy.get_distribution(seen, tuple(p[:, :2] for p in packed), starts)
    states = RNNStates(packed, packed)
    policy.evaluate_actions(seen, torch.as_tensor(actions), states, starts)
