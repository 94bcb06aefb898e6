"""A target network has its twin's wiring, also when that changes in training."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from agents import POLICIES, learn, make_agent, make_env, sparse_layers
from stable_baselines3 import SAC
from stable_baselines3.common.utils import polyak_update
from torch import Tensor, nn

from velora.models.lnn.headed.cell import HeadedCell
from velora.plugins import networks
from velora.sb3 import NCPExtractor
from velora.sb3.common.targets import follow_twins

TARGETS = {
    "SAC": ("critic",),
    "TQC": ("critic",),
    "TD3": ("actor", "critic"),
    "DDPG": ("actor", "critic"),
    "DQN": ("q_net",),
    "QRDQN": ("quantile_net",),
}
each_agent = pytest.mark.parametrize(
    ("algorithm", "policy"), [(a, p) for a in TARGETS for p in POLICIES]
)


def parts_and_targets(model: Any) -> list[tuple[nn.Module, nn.Module]]:
    """Returns each part of a policy that has a target, with it."""
    policy = model.policy
    names = TARGETS[type(model).__name__]
    return [(getattr(policy, n), getattr(policy, f"{n}_target")) for n in names]


def all_masks(module: nn.Module) -> list[Tensor]:
    return [layer.mask for layer in sparse_layers(module)]


def assert_followed(model: Any) -> None:
    for twin, target in parts_and_targets(model):
        pairs = zip(all_masks(target), all_masks(twin), strict=True)
        assert all(torch.equal(mask, expected) for mask, expected in pairs)


def rewire(model: Any) -> None:
    """Turns each network's synapses round, in twins alone."""
    for twin, _ in parts_and_targets(model):
        for module in twin.modules():
            if isinstance(module, HeadedCell):
                size = module.in_features
                module.update_mask(1 * (module.sparsity_mask[:, :size].T == 0))
        for network in twin.modules():
            if hasattr(network, "inter"):
                network.inter.update_mask(network.inter.mask == 0)
                network.motor.update_mask(network.motor.mask == 0)


@each_agent
def test_targets_follow_a_new_wiring(algorithm: str, policy: str) -> None:
    model = learn(make_agent(algorithm, policy))
    before = [m.clone() for _, t in parts_and_targets(model) for m in all_masks(t)]
    rewire(model)
    model.train(gradient_steps=1)
    after = [m for _, t in parts_and_targets(model) for m in all_masks(t)]
    changed = [not torch.equal(*pair) for pair in zip(before, after, strict=True)]
    assert sum(changed) > len(changed) / 2
    assert_followed(model)


@each_agent
def test_targets_go_on_in_the_wiring_that_was_saved(
    algorithm: str, policy: str, tmp_path: Path
) -> None:
    model = learn(make_agent(algorithm, policy))
    rewire(model)
    model.save(tmp_path / "agent")
    loaded = type(model).load(tmp_path / "agent", env=model.get_env(), device="cpu")
    for copied in (loaded, copied_by_parameters(model)):
        learn(copied)
        assert_followed(copied)
        pairs = zip(parts_and_targets(copied), parts_and_targets(model), strict=True)
        for (twin, _), (original, _) in pairs:
            masks = zip(all_masks(twin), all_masks(original), strict=True)
            assert all(torch.equal(*pair) for pair in masks)


def copied_by_parameters(model: Any) -> Any:
    other = make_agent(type(model).__name__, type(model.policy).__name__)
    other.set_parameters(model.get_parameters())
    return other


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda policy: pickle.loads(pickle.dumps(policy))]
)
@each_agent
def test_copies_of_a_policy_follow_their_own_twins(
    algorithm: str, policy: str, copied: Any
) -> None:
    model = learn(make_agent(algorithm, policy))
    original = model.policy
    masks = [mask.clone() for mask in all_masks(original)]
    model.policy = copied(original)
    rewire(model)
    model.policy.set_training_mode(True)
    assert_followed(model)
    pairs = zip(all_masks(original), masks, strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize("algorithm", TARGETS)
def test_numbers_of_a_target_lag_behind(algorithm: str) -> None:
    model = learn(make_agent(algorithm))
    twin, target = parts_and_targets(model)[0]
    weights = [layer.weight for layer in sparse_layers(target)]
    before = [weight.detach().clone() for weight in weights]
    for layer in sparse_layers(twin):
        layer.weight.data.add_(1.0)
    model.policy.set_training_mode(True)
    assert all(torch.equal(*pair) for pair in zip(weights, before, strict=True))
    polyak_update(twin.parameters(), target.parameters(), 0.5)
    for weight, old in zip(weights, before, strict=True):
        assert not torch.equal(weight, old)


class Counted(nn.Linear):
    """A network of a plugin with a mask, and statistics, of its own."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("connections", torch.ones(out_features, in_features))
        self.register_buffer("running_mean", torch.zeros(in_features))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.connections
        return nn.functional.linear(x - self.running_mean, weight, self.bias)


@pytest.mark.parametrize("algorithm", TARGETS)
def test_mask_of_a_plugin_is_followed_and_statistics_are_left(algorithm: str) -> None:
    networks().add("test-counted", Counted, override=True)
    options = {"network": "test-counted", "n_neurons": None}
    model = make_agent(algorithm, policy_kwargs=options)
    for twin, target in parts_and_targets(model):
        own = [m for m in twin.modules() if isinstance(m, Counted)]
        for network in own:
            network.connections.zero_()
            network.running_mean.fill_(2.0)
        model.policy.set_training_mode(True)
        for network in (m for m in target.modules() if isinstance(m, Counted)):
            assert not network.connections.any()
            assert not network.running_mean.any()  # until the next Polyak update


def test_acting_leaves_targets_alone() -> None:
    model = learn(make_agent("SAC"))
    _, target = parts_and_targets(model)[0]
    before = [mask.clone() for mask in all_masks(target)]
    rewire(model)
    model.predict(model.observation_space.sample())
    assert all(torch.equal(*p) for p in zip(all_masks(target), before, strict=True))


def test_targets_of_a_plain_policy_follow_when_told() -> None:
    options = {"features_extractor_class": NCPExtractor}
    model: Any = SAC(
        "MlpPolicy", make_env("flat", "box"), policy_kwargs=options, device="cpu"
    )
    twin = model.critic.features_extractor.body.network
    twin.inter.update_mask(twin.inter.mask == 0)
    follow_twins(model.policy)
    target = model.critic_target.features_extractor.body.network
    assert torch.equal(target.inter.mask, twin.inter.mask)


@pytest.mark.parametrize("algorithm", ["CrossQ", "PPO"])
def test_policy_without_targets_trains(algorithm: str) -> None:
    learn(make_agent(algorithm)).policy.set_training_mode(True)
