"""The optimizer of a policy is the one asked for, made once, and how far it steps."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from agents import ALGORITHMS, learn, make_agent
from recurrent_agents import CRITICS, make_model
from torch import nn

import velora.sb3.common.algorithm as algorithm_notes
from velora.models.lnn import SparseLinear
from velora.sb3.common.network_defaults import DEFAULTS

# What ARS varies, no optimizer does.
TRAINED = [name for name in ALGORITHMS if name != "ARS"]


def parameters_of(optimizer: torch.optim.Optimizer) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"]]


class Counted(torch.optim.Adam):
    """Counts how many were made, and of how many parameters each."""

    made: ClassVar[list[int]] = []

    def __init__(self, params: Any, **options: Any) -> None:
        params = list(params)
        super().__init__(params, **options)
        self.made.append(len(parameters_of(self)))


@pytest.fixture
def made() -> list[int]:
    Counted.made.clear()
    return Counted.made


@pytest.mark.parametrize("algorithm", TRAINED)
def test_optimizer_is_made_once(algorithm: str, made: list[int]) -> None:
    policy = make_agent(algorithm, policy_kwargs={"optimizer_class": Counted}).policy
    parts = [policy.actor, policy.critic] if hasattr(policy, "actor") else [policy]
    assert made == [len(parameters_of(part.optimizer)) for part in parts]
    assert policy.optimizer_class is Counted
    assert policy._get_constructor_parameters()["optimizer_class"] is Counted


@pytest.mark.parametrize("use_sde", [False, True])
@pytest.mark.parametrize("critic", CRITICS)
def test_optimizer_of_a_recurrent_policy_is_made_once(
    critic: str, use_sde: bool, made: list[int]
) -> None:
    options = CRITICS[critic] | {"optimizer_class": Counted}
    policy = make_model(policy_kwargs=options, use_sde=use_sde).policy
    assert made == [len(list(policy.parameters()))]
    assert type(policy.optimizer) is policy.optimizer_class is Counted


@pytest.mark.parametrize("algorithm", TRAINED)
def test_optimizer_is_obeyed(algorithm: str) -> None:
    options = {
        "optimizer_class": torch.optim.SGD,
        "optimizer_kwargs": {"momentum": 0.5},
    }
    policy = learn(make_agent(algorithm, policy_kwargs=options)).policy
    parts = [policy.actor, policy.critic] if hasattr(policy, "actor") else [policy]
    for part in parts:
        assert isinstance(part.optimizer, torch.optim.SGD)
        assert part.optimizer.param_groups[0]["momentum"] == 0.5
    trained = {p for part in parts for p in parameters_of(part.optimizer)}
    expected = set(nn.ModuleList(policy.networks.values()).parameters())
    assert trained - {getattr(policy, "log_std", None)} == expected


# A2C takes RMSprop.
@pytest.mark.parametrize("algorithm", [name for name in TRAINED if name != "A2C"])
@pytest.mark.parametrize("options", [{}, {"foreach": True}, {"fused": False}])
def test_adam_is_fused_unless_its_options_say_how(
    algorithm: str, options: dict[str, bool]
) -> None:
    given: dict[str, Any] = {}
    if options:
        given = {"optimizer_class": torch.optim.Adam, "optimizer_kwargs": options}
    policy = learn(make_agent(algorithm, policy_kwargs=given)).policy
    parts = [policy.actor, policy.critic] if hasattr(policy, "actor") else [policy]
    for part in parts:
        for group in part.optimizer.param_groups:
            assert bool(group["fused"]) == (not options)


def test_fused_adam_takes_the_same_steps() -> None:
    models = [
        learn(make_agent("PPO", policy_kwargs={"optimizer_kwargs": {"fused": fused}}))
        for fused in (True, False)
    ]
    for fused, plain in zip(*(m.policy.parameters() for m in models), strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-6)


SPARSE = ["PPO", "A2C", "TRPO", "MaskablePPO"]  # whose "ncp" steps as a dense one


def moved(agent: Any) -> dict[str, float]:
    """Lets SGD take one step of 1, and says by how many gradients each weight moves."""
    policy = agent.policy
    before = {name: p.detach().clone() for name, p in policy.named_parameters()}
    for p in policy.parameters():
        p.grad = torch.ones_like(p)
    policy.optimizer.step()
    return {
        name: float((before[name] - p.detach()).mean())
        for name, p in policy.named_parameters()
    }


@pytest.mark.parametrize("algorithm", SPARSE)
@pytest.mark.parametrize("sparsity", [0.5, 0.8])
def test_sparse_layer_steps_as_far_as_a_dense_one(
    algorithm: str, sparsity: float
) -> None:
    options = {"optimizer_class": torch.optim.SGD, "sparsity_level": sparsity}
    agent = make_agent(algorithm, policy_kwargs=options, learning_rate=0.1)
    masks = {
        f"{name}.weight": layer.mask
        for name, layer in agent.policy.named_modules()
        if isinstance(layer, SparseLinear)
    }
    share = sum(map(torch.sum, masks.values())) / sum(map(torch.numel, masks.values()))
    assert len(masks) == 6
    for name, step in moved(agent).items():
        assert step == pytest.approx(0.1 / (float(share) if name in masks else 1.0))


@pytest.mark.parametrize("algorithm", SPARSE)
@pytest.mark.parametrize("how", ["told", "noted", "dense wiring"])
def test_other_layers_step_as_they_are_told(
    algorithm: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"optimizer_class": torch.optim.SGD}
    n_groups = 1
    if how == "told":
        options["dense_steps"] = False
    elif how == "noted":  # the defaults of an agent that was saved before this one
        before = copy.deepcopy(DEFAULTS)
        for role in ("pi", "vf"):
            before["on-policy"]["ncp"][role].pop("dense_steps")
        monkeypatch.setattr(algorithm_notes, "DEFAULTS", before)
    else:
        n_groups = 2
        options["network_kwargs"] = {"wiring": "dense"}
    agent = make_agent(algorithm, policy_kwargs=options, learning_rate=0.1)
    assert len(agent.policy.optimizer.param_groups) == n_groups
    for step in moved(agent).values():
        assert step == pytest.approx(0.1)


def test_learning_rate_of_the_algorithm_stays_in_the_groups() -> None:
    agent = make_agent("PPO", learning_rate=lambda left: 0.005 + left)
    learn(agent)
    groups = agent.policy.optimizer.param_groups
    assert groups[1]["step_factor"] > 1.5
    assert [group["lr"] for group in groups] == 2 * [0.005]  # of the last update


@pytest.mark.parametrize("how", ["copied", "pickled", "saved", "saved alone"])
def test_copy_steps_as_far(how: str, tmp_path: Path) -> None:
    options = {"optimizer_class": torch.optim.SGD}
    # Without a seed each policy that is built has a wiring of its own.
    agent = make_agent("PPO", policy_kwargs=options, learning_rate=0.1, seed=None)
    if how == "copied":
        policy = copy.deepcopy(agent.policy)
    elif how == "pickled":
        policy = pickle.loads(pickle.dumps(agent.policy))
    elif how == "saved":
        agent.save(tmp_path / "agent")
        policy = type(agent).load(tmp_path / "agent").policy
    else:
        agent.policy.save(str(tmp_path / "policy"))
        policy = type(agent.policy).load(str(tmp_path / "policy"))
        for group in policy.optimizer.param_groups:
            group["lr"] = 0.1
    agent.policy, original = policy, agent.policy
    steps = moved(agent)
    agent.policy = original
    assert steps == pytest.approx(moved(agent))
    assert steps["action_net.network.command.weight"] > 0.15


def test_agent_that_goes_on_from_a_file_learns_the_same(tmp_path: Path) -> None:
    agent = learn(make_agent("PPO"))
    agent.save(tmp_path / "agent")
    again = type(agent).load(tmp_path / "agent")
    for each in (agent.policy, again.policy):
        for p in each.parameters():
            p.grad = torch.full_like(p, 0.5)
        each.optimizer.step()
    for name, p in agent.policy.named_parameters():
        assert torch.equal(p, dict(again.policy.named_parameters())[name]), name


@pytest.mark.filterwarnings("ignore:A recurrent network has no memory")
@pytest.mark.parametrize(
    ("algorithm", "options", "error", "words"),
    [
        ("PPO", {"dense_steps": 2}, TypeError, "must be True, False or None; got 2"),
        (
            "PPO",
            {"dense_steps": True, "network": "liquid"},
            ValueError,
            "carries a state; got True for 'liquid'",
        ),
        ("SAC", {"dense_steps": True}, TypeError, "takes no 'dense_steps'"),
        ("ARS", {"dense_steps": True}, TypeError, "takes no 'dense_steps'"),
        (
            "PPO",
            {"network_kwargs": {"dense_steps": True}},
            TypeError,
            "takes no 'dense_steps'",
        ),
    ],
)
def test_steps_that_cannot_be_are_refused(
    algorithm: str, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make_agent(algorithm, policy_kwargs=options)
