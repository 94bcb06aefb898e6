"""Motor neurons are the outputs of every algorithm, and obey their wirings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from agents import (
    ALGORITHMS,
    POLICIES,
    learn,
    make_agent,
    predict,
    sample_observations,
    sparse_layers,
)
from sb3_contrib.common.torch_layers import BatchRenorm1d
from torch import Tensor, nn

from velora.models import GatedLeakyNCPNetwork, NCPNetwork
from velora.models.lnn import SparseLinear

N_ACTIONS = {"box": 3, "discrete": 4, "multi_discrete": 5, "multi_binary": 5}
MOTOR = {
    "SAC": {"pi": 6, "qf0": 1, "qf1": 1},  # means and log deviations
    "TQC": {"pi": 6, "qf0": 5, "qf1": 5},  # five quantiles
    "CrossQ": {"pi": 6, "qf0": 1, "qf1": 1},
    "TD3": {"pi": 3, "qf0": 1, "qf1": 1},
    "DDPG": {"pi": 3, "qf0": 1},
    "DQN": {"qf": 4},
    "QRDQN": {"qf": 20},
}
TABLE = [
    (algorithm, actions)
    for algorithm, spec in ALGORITHMS.items()
    for actions in spec.actions
]

each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
each_policy = pytest.mark.parametrize("policy", POLICIES)
with_targets = pytest.mark.parametrize(
    "algorithm", ["SAC", "TQC", "TD3", "DDPG", "DQN", "QRDQN"]
)


def every_output(model: Any) -> list[Tensor]:
    """Returns what every network of a policy, targets too, makes of the same inputs."""
    policy = model.policy
    outputs = [torch.as_tensor(predict(model))]
    observations, _ = policy.obs_to_tensor(sample_observations(model))
    with torch.no_grad():
        if hasattr(policy, "predict_values"):
            outputs.append(policy.predict_values(observations))
        for name in ("q_net", "q_net_target", "quantile_net", "quantile_net_target"):
            if hasattr(policy, name):
                outputs.append(getattr(policy, name)(observations))
        for name in ("critic", "critic_target"):
            if hasattr(policy, name):
                actions = torch.zeros(len(observations), 3)
                outputs += getattr(policy, name)(observations, actions)
        if hasattr(policy, "actor_target"):
            outputs.append(policy.actor_target(observations))
    return outputs


@pytest.mark.parametrize(("algorithm", "actions"), TABLE)
@each_policy
def test_motor_neurons_are_the_outputs(
    algorithm: str, actions: str, policy: str
) -> None:
    networks = make_agent(algorithm, policy, actions=actions).policy.networks
    kind = {"NCPPolicy": NCPNetwork, "LiquidPolicy": GatedLeakyNCPNetwork}[policy]
    assert {type(network) for network in networks.values()} == {kind}
    expected = MOTOR.get(algorithm, {"pi": N_ACTIONS[actions], "vf": 1})
    if algorithm == "ARS":
        del expected["vf"]
    if (algorithm, actions) == ("MaskablePPO", "multi_binary"):
        expected["pi"] = 10  # it takes a bit for a choice of two
    assert {role: net.counts.motor for role, net in networks.items()} == expected


@each_algorithm
@each_policy
def test_nothing_but_the_networks_is_trained(algorithm: str, policy: str) -> None:
    policy_ = make_agent(algorithm, policy).policy
    parameters = {
        name: parameter
        for name, parameter in policy_.named_parameters()
        if "_target." not in name and name != "log_std"
    }
    of_networks = set(nn.ModuleList(policy_.networks.values()).parameters())
    assert set(parameters.values()) == of_networks


@each_algorithm
@each_policy
def test_masked_weights_never_reach_an_output(algorithm: str, policy: str) -> None:
    model = learn(make_agent(algorithm, policy))
    model.policy.set_training_mode(False)
    before = every_output(model)
    with torch.no_grad():
        for layer in sparse_layers(model.policy):
            layer.weight.add_(100 * torch.randn_like(layer.weight) * (layer.mask == 0))
    for old, new in zip(before, every_output(model), strict=True):
        assert torch.equal(old, new)


@each_algorithm
@each_policy
def test_every_network_has_a_wiring_of_its_own(algorithm: str, policy: str) -> None:
    networks = list(make_agent(algorithm, policy).policy.networks.values())
    for first in networks:
        twins = [second for second in networks if second.wiring == first.wiring]
        assert len(twins) == 1


@with_targets
@each_policy
def test_target_has_the_wiring_of_its_twin(algorithm: str, policy: str) -> None:
    model = learn(make_agent(algorithm, policy))
    targets = {
        name: part
        for name, part in model.policy.named_children()
        if name.endswith("_target")
    }
    assert targets
    for name, target in targets.items():
        twin = getattr(model.policy, name.removesuffix("_target"))
        pairs = list(zip(sparse_layers(target), sparse_layers(twin), strict=True))
        assert pairs
        assert all(torch.equal(a.mask, b.mask) for a, b in pairs)
        assert not all(torch.equal(a.weight, b.weight) for a, b in pairs)


@pytest.mark.parametrize("n_critics", [1, 3])
@pytest.mark.parametrize("algorithm", ["SAC", "TQC", "CrossQ", "TD3"])
def test_as_many_critics_as_asked_for(algorithm: str, n_critics: int) -> None:
    model = make_agent(algorithm, policy_kwargs={"n_critics": n_critics})
    roles = [f"qf{index}" for index in range(n_critics)]
    assert list(learn(model).policy.networks) == ["pi", *roles]


@pytest.mark.parametrize(
    ("algorithm", "sizes"),
    [
        ("PPO", {"pi": 20, "vf": 30}),
        ("MaskablePPO", {"pi": 20, "vf": 30}),
        ("SAC", {"pi": 20, "qf": 30}),
        ("TD3", {"pi": 20, "qf": 30}),
    ],
)
def test_roles_are_sized_apart(algorithm: str, sizes: dict[str, int]) -> None:
    networks = make_agent(algorithm, policy_kwargs={"n_neurons": sizes}).policy.networks
    for role, network in networks.items():
        assert network.n_neurons == sizes[role.rstrip("01")]


def test_masked_actions_are_never_taken() -> None:
    model = learn(make_agent("MaskablePPO"))
    masks = np.arange(4) != 1
    observations = sample_observations(model, 200)
    taken, _ = model.predict(observations, action_masks=np.tile(masks, (200, 1)))
    assert set(taken.tolist()) == {0, 2, 3}


@each_policy
def test_crossq_normalises_the_inputs_of_every_layer(policy: str) -> None:
    model = learn(make_agent("CrossQ", policy))
    for network in model.policy.networks.values():
        sizes = {name: norm.num_features for name, norm in network.norms.items()}
        counts = network.counts
        assert list(sizes) == ["inter", "command", "motor"]
        assert list(sizes.values()) == [counts.sensory, counts.inter, counts.command]
        assert all(int(norm.steps) > 0 for norm in network.norms.values())
    options = {"batch_norm_momentum": 0.5, "batch_norm_eps": 0.1}
    options["renorm_warmup_steps"] = 7
    model = make_agent("CrossQ", policy, policy_kwargs=options)
    norms = [m for m in model.policy.modules() if isinstance(m, BatchRenorm1d)]
    assert {(n.momentum, n.eps, n.warmup_steps) for n in norms} == {(0.5, 0.1, 7)}


def test_crossq_without_batch_norm_has_none() -> None:
    model = make_agent("CrossQ", policy_kwargs={"batch_norm": False})
    assert not [m for m in model.policy.modules() if isinstance(m, BatchRenorm1d)]
    learn(model)


def test_ars_changes_no_weight_without_a_synapse() -> None:
    model = make_agent("ARS")
    model.policy.load_from_vector(np.ones(model.n_params, dtype=np.float32))
    for layer in model.policy.modules():
        if isinstance(layer, SparseLinear):
            assert torch.equal(layer.weight, layer.mask)
