"""An update of RecurrentPPO sees what its rollout saw."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from recurrent_agents import (
    CRITICS,
    FLAT,
    TIMED,
    each_critic,
    each_network,
    evaluate,
    learn,
    make_model,
    ragged,
    sequence,
)
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from torch import nn

pytestmark = pytest.mark.usefixtures("toy_networks")

LAW: list[Any] = [
    ({"network": network} | CRITICS[critic] | timed, actions, {})
    for network, critic, timed, actions in product(
        ("gated-leaky", "liquid", "test-pair"),
        CRITICS,
        ({}, {"timespan_key": "dt"}),
        ("box", "discrete"),
    )
]
LAW += [
    ({"network": "test-learned"}, "box", {}),
    ({"network": "test-counter"}, "box", {}),
    ({"n_neurons": {"pi": 13, "vf": 20}}, "multi_discrete", {}),
    ({"network_kwargs": {"norm": nn.LayerNorm}}, "multi_binary", {}),
    ({"share_features_extractor": False}, "box", {}),
    *(
        ({"network": network} | CRITICS[critic], "box", {"use_sde": True})
        for network, critic in product(
            ("gated-leaky", "liquid", "test-pair", "test-shown"), CRITICS
        )
    ),
    ({}, "box", {"use_sde": True, "sde_sample_freq": 4}),
]


@pytest.mark.parametrize(("options", "actions", "settings"), LAW, ids=str)
def test_update_starts_from_the_probabilities_and_values_of_the_rollout(
    options: dict[str, Any], actions: str, settings: dict[str, Any]
) -> None:
    env = ragged(TIMED if "timespan_key" in options else FLAT, actions)
    model = make_model(env, n_steps=24, n_epochs=1, policy_kwargs=options, **settings)
    train, carried, starts = model.train, [], []

    def check_and_train() -> None:
        buffer = model.rollout_buffer
        carried.append(buffer.hidden_states_pi[0].any())
        starts.append(buffer.episode_starts.T.copy())  # (n_envs, n_steps)
        for batch_size in (7, 24, 72):
            seen = 0
            for data in buffer.get(batch_size):
                log_prob, values = evaluate(model, data)
                mask = data.mask > 1e-8
                ratio = torch.exp(log_prob - data.old_log_prob[mask])
                assert (ratio - 1).abs().max() < 1e-5
                old = data.old_values[mask]
                torch.testing.assert_close(values, old, rtol=1e-5, atol=1e-5)
                seen += len(values)
            assert seen == 72
        train()

    model.train = check_and_train
    learn(model)
    # The rollouts had in them states from before and all kinds of episodes.
    assert carried == [False, True]
    assert (starts[0][0] != starts[0][1]).any()
    lengths = {episode["l"] for episode in model.ep_info_buffer}
    assert max(lengths) == 6
    assert len(lengths) > 2


@each_critic
def test_values_alone_are_those_beside_the_actions(critic: str) -> None:
    options = CRITICS[critic] | {"timespan_key": "dt"}
    policy = make_model(ragged(TIMED), policy_kwargs=options).policy
    obs, _ = policy.obs_to_tensor(sequence(policy, 1)[0])
    pair = tuple(torch.randn(2, 1, 3, policy.lstm_actor.hidden_size))
    starts = torch.tensor([0.0, 1.0, 0.0])
    _, values, _, _ = policy(obs, RNNStates(pair, pair), starts)
    alone = policy.predict_values(obs, pair, starts)
    torch.testing.assert_close(alone, values)
    kept = policy.predict_values(obs, pair, torch.zeros(3))
    forgets = critic != "feed-forward"
    assert (kept != alone).flatten().tolist() == [False, forgets, False]


@each_network
def test_padding_has_no_influence(network: str) -> None:
    model = learn(make_model(policy_kwargs={"network": network}))
    data = next(model.rollout_buffer.get(40))
    padding = data.mask < 1e-8
    assert padding.any()
    garbage = data.observations.clone()
    garbage[padding] = 1e3 * torch.randn_like(garbage[padding])
    outcomes = []
    for observations in (data.observations, garbage):
        log_prob, values = evaluate(model, data, observations)
        loss = (log_prob + values**2).mean()
        weights = list(model.policy.parameters())
        outcomes.append((log_prob, values, *torch.autograd.grad(loss, weights)))
    torch.testing.assert_close(*outcomes)
