from __future__ import annotations

from typing import Any

import pytest
import torch
from rllib_modules import (
    CONTINUOUS,
    CRITICS,
    DISCRETE,
    RECURRENT,
    first_state,
    module,
    steps,
)
from torch.testing import assert_close

from velora.rllib import NetworkModule, to_network

BATCH, STEPS = 3, 5


def observations(batch: int = BATCH, n_steps: int = STEPS) -> torch.Tensor:
    return torch.randn(batch, n_steps, 4, generator=torch.Generator().manual_seed(1))


def batch_of(made: NetworkModule, obs: torch.Tensor, **more: Any) -> dict[str, Any]:
    return {"obs": obs, "state_in": first_state(made, len(obs)), **more}


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("network", RECURRENT)
def test_a_sequence_equals_its_steps(network: str, critic: str) -> None:
    made = module(network, critic=critic)
    inputs, values, _ = steps(made, observations())
    batch = batch_of(made, observations())
    out = made.forward_train(batch)
    assert_close(out["action_dist_inputs"], inputs)
    assert_close(made.compute_values(batch), values)
    embedded = made.compute_values(batch, embeddings=out.get("embeddings"))
    assert_close(embedded, values)


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("network", RECURRENT)
def test_a_chunk_goes_on_from_the_state_at_its_start(network: str, critic: str) -> None:
    made, cut = module(network, critic=critic), 2
    inputs, values, states = steps(made, observations())
    batch = {"obs": observations()[:, cut:], "state_in": states[cut]}
    out = made.forward_train(batch)
    assert_close(out["action_dist_inputs"], inputs[:, cut:])
    assert_close(made.compute_values(batch), values[:, cut:])
    forgetful = made.forward_train(batch_of(made, batch["obs"]))
    assert not torch.equal(out["action_dist_inputs"], forgetful["action_dist_inputs"])


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("network", RECURRENT)
def test_padding_changes_nothing_that_counts(network: str, critic: str) -> None:
    """Whatever is in it: NaN would be in every gradient that it touches."""
    made, lengths = module(network, critic=critic), torch.tensor([5, 1, 3])
    obs = observations()
    valid = torch.arange(STEPS) < lengths[:, None]
    obs[~valid] = torch.nan
    batch = batch_of(made, obs, seq_lens=lengths)
    out = made.forward_train(batch)
    loss = out["action_dist_inputs"][valid].square().sum()
    (loss + made.compute_values(batch)[valid].square().sum()).backward()
    padded = {name: p.grad for name, p in made.named_parameters()}
    made.zero_grad(set_to_none=True)
    for row, length in enumerate(lengths.tolist()):
        alone = batch_of(made, observations()[row : row + 1, :length])
        its = made.forward_train(alone)["action_dist_inputs"]
        assert_close(out["action_dist_inputs"][row : row + 1, :length], its)
        loss = its.square().sum() + made.compute_values(alone).square().sum()
        loss.backward()
    for name, parameter in made.named_parameters():
        assert_close(padded[name], parameter.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("network", ["ncp", "liquid"])
@pytest.mark.parametrize("space", [DISCRETE, CONTINUOUS], ids=["discrete", "box"])
def test_training_takes_actions_for_as_likely_as_exploring(
    network: str, space: Any
) -> None:
    made = module(network, action_space=space)
    if network == "ncp":
        batch = {"obs": observations()[:, 0]}
        explored = made.forward_exploration(batch)["action_dist_inputs"]
    else:
        batch = batch_of(made, observations())
        explored, _, _ = steps(made, observations())
    sampled = made.get_exploration_action_dist_cls().from_logits(explored)
    actions = sampled.sample()
    trained = made.get_train_action_dist_cls().from_logits(
        made.forward_train(batch)["action_dist_inputs"]
    )
    assert_close(trained.logp(actions), sampled.logp(actions))
    assert made.compute_values(batch).shape == trained.logp(actions).shape


@pytest.mark.parametrize("batch", [1, 4])
def test_what_does_not_remember_has_no_time(batch: int) -> None:
    made = module("ncp")
    assert made.get_initial_state() == {}
    assert not made.is_stateful()
    out = made.forward_exploration({"obs": torch.randn(batch, 4)})
    assert set(out) == {"action_dist_inputs"}
    assert out["action_dist_inputs"].shape == (batch, 3)
    assert made.compute_values({"obs": torch.randn(batch, 4)}).shape == (batch,)


@pytest.mark.parametrize("network", ["liquid", "lstm"])
def test_without_a_state_it_starts_from_the_initial_one(network: str) -> None:
    made = module(network)
    given = made.forward_inference(batch_of(made, observations()))
    without = made.forward_inference({"obs": observations()})
    assert_close(without["action_dist_inputs"], given["action_dist_inputs"])


def test_a_standard_deviation_starts_as_told_and_learns() -> None:
    made = module("ncp", action_space=CONTINUOUS, log_std_init=-1.0)
    inputs = made.forward_train({"obs": torch.randn(5, 4)})["action_dist_inputs"]
    assert_close(inputs[:, 2:], torch.full((5, 2), -1.0))
    inputs.sum().backward()
    assert_close(made.log_std.grad, torch.full((2,), 5.0))


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("network", ["ncp", "liquid", "lstm"])
def test_weights_of_a_learner_make_an_env_runner_the_same(
    network: str, critic: str
) -> None:
    """Its wiring, too, which was another."""
    learner = module(network, critic=critic)
    runner = module(network, critic=critic, inference_only=True, seed=1)
    runner.set_state(learner.get_state(inference_only=True))
    state = first_state(learner, BATCH)
    batch = {"obs": observations()[:, :1], "state_in": state}
    if network == "ncp":
        batch = {"obs": observations()[:, 0]}
    out = runner.forward_exploration(batch)
    assert_close(out, learner.forward_exploration(batch))


@pytest.mark.parametrize(
    ("network", "critic", "needed"),
    [
        ("ncp", "separate", False),
        ("liquid", "feed-forward", False),
        ("liquid", "separate", True),  # its states are those of the rollout
    ],
)
def test_an_env_runner_has_a_critic_only_where_that_remembers(
    network: str, critic: str, needed: bool
) -> None:
    runner = module(network, critic=critic, inference_only=True)
    assert any(name.startswith("critic.") for name in runner.state_dict()) is needed


def test_a_network_taken_out_of_a_module_is_a_copy() -> None:
    made = module("ncp")
    taken, obs = to_network(made), observations()[:, 0]
    expected = made.forward_inference({"obs": obs})["action_dist_inputs"]
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
    assert_close(taken(obs), expected)
    assert torch.equal(made.actor(obs)[0], torch.zeros(BATCH, 3))
