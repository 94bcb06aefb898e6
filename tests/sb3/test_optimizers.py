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
from velora.sb3 import networks_of
from velora.sb3.common.network_defaults import DEFAULTS

# What ARS varies, no optimizer does.
TRAINED = [name for name in ALGORITHMS if name != "ARS"]


class Counted(torch.optim.Adam):
    """Counts how many were made, and of how many parameters each."""

    made: ClassVar[list[int]] = []

    def __init__(self, params: Any, **options: Any) -> None:
        params = list(params)
        self.made.append(len(params))
        super().__init__(params, **options)


@pytest.fixture
def made() -> list[int]:
    Counted.made.clear()
    return Counted.made


@pytest.mark.parametrize("algorithm", TRAINED)
def test_optimizer_is_made_once(algorithm: str, made: list[int]) -> None:
    policy = make_agent(algorithm, policy_kwargs={"optimizer_class": Counted}).policy
    parts = [policy.actor, policy.critic] if hasattr(policy, "actor") else [policy]
    assert made == [len(part.optimizer.param_groups[0]["params"]) for part in parts]
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
    trained = {p for part in parts for p in part.optimizer.param_groups[0]["params"]}
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
        (group,) = part.optimizer.param_groups
        assert bool(group["fused"]) == (not options)


def test_fused_adam_takes_the_same_steps() -> None:
    models = [
        learn(make_agent("PPO", policy_kwargs={"optimizer_kwargs": {"fused": fused}}))
        for fused in (True, False)
    ]
    for fused, plain in zip(*(m.policy.parameters() for m in models), strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-6)


SPARSE = ["PPO", "A2C", "TRPO", "MaskablePPO"]  # whose "ncp" steps as a dense one
SGD: dict[str, Any] = {"optimizer_class": torch.optim.SGD}


def moved(policy: Any, n: int = 1) -> dict[str, float]:
    """Takes steps with gradients of 1, and says how far each parameter has moved."""
    before = {name: p.detach().clone() for name, p in policy.named_parameters()}
    for _ in range(n):
        for p in policy.parameters():
            p.grad = torch.ones_like(p)
        policy.optimizer.step()
    return {
        name: float((before[name] - p.detach()).mean())
        for name, p in policy.named_parameters()
    }


def densities(policy: Any) -> dict[str, float]:
    """Returns by its name what share of a weight's network has a synapse."""
    found = {}
    for body in ("action_net", "value_net"):
        network = getattr(policy, body).network
        masks = {
            f"{body}.network.{name}.weight": layer.mask
            for name, layer in network.named_modules()
            if isinstance(layer, SparseLinear)
        }
        size = sum(mask.numel() for mask in masks.values())
        found |= dict.fromkeys(masks, int(sum(map(torch.sum, masks.values()))) / size)
    return found


def check_dense_steps(policy: Any, rate: float, n: int = 1) -> None:
    shares = densities(policy)
    assert len(shares) == 6
    for name, step in moved(policy, n).items():
        assert step == pytest.approx(n * rate / shares.get(name, 1.0), rel=1e-4)


@pytest.mark.parametrize("algorithm", SPARSE)
@pytest.mark.parametrize("sparsity", [0.5, 0.8])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_sparse_layers_step_as_far_as_dense_ones(
    algorithm: str, sparsity: float, optimizer: Any
) -> None:
    options = {"optimizer_class": optimizer, "sparsity_level": sparsity}
    agent = make_agent(algorithm, policy_kwargs=options, learning_rate=0.1)
    check_dense_steps(agent.policy, 0.1, n=2)


@pytest.mark.parametrize("algorithm", SPARSE)
@pytest.mark.parametrize("how", ["told", "as built", "noted", "dense wiring"])
def test_other_layers_step_as_they_are_told(
    algorithm: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dict(SGD)
    if how == "told":
        options["dense_steps"] = False
    elif how == "as built":
        options["ortho_init"] = False
    elif how == "noted":  # the defaults of an agent that was saved before this one
        before: Any = copy.deepcopy(DEFAULTS)
        for role in ("pi", "vf"):
            del before["on-policy"]["ncp"][role]["dense_steps"]
        monkeypatch.setattr(algorithm_notes, "DEFAULTS", before)
    else:
        options["network_kwargs"] = {"wiring": "dense"}
    agent = make_agent(algorithm, policy_kwargs=options, learning_rate=0.1)
    assert all(step == pytest.approx(0.1) for step in moved(agent.policy).values())


def test_agent_from_before_it_followed_layers_goes_on_as_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: Any = copy.deepcopy(DEFAULTS)
    for options in before["on-policy"]["ncp"].values():
        options.pop("for_layers", None)
    options = SGD | {"ortho_init": False}
    with monkeypatch.context() as then:
        then.setattr(algorithm_notes, "DEFAULTS", before)
        agent = make_agent("PPO", policy_kwargs=options, learning_rate=0.1)
        agent.save(tmp_path / "agent")
    assert networks_of(agent)["pi"].motor.init_type == "synaptic"
    loaded = type(agent).load(tmp_path / "agent", device="cpu")
    check_dense_steps(loaded.policy, 0.1)
    told = make_agent("PPO", policy_kwargs=options | {"dense_steps": True})
    assert told.policy.dense_steps
    check_dense_steps(told.policy, told.learning_rate)


def test_no_step_is_more_than_ten_times_as_far() -> None:
    agent = make_agent("PPO", policy_kwargs=SGD, learning_rate=0.1)
    network = agent.policy.networks["pi"]
    for layer in (network.inter, network.command, network.motor):
        layer.update_mask(torch.zeros_like(layer.mask))
    agent.policy.set_training_mode(True)
    steps = moved(agent.policy)
    assert steps["action_net.network.motor.weight"] == pytest.approx(1.0)
    assert steps["value_net.network.motor.weight"] < 0.3


def test_learning_rate_of_the_algorithm_stays_in_the_group() -> None:
    agent = learn(make_agent("PPO", learning_rate=lambda left: 0.005 + left))
    (group,) = agent.policy.optimizer.param_groups
    assert group["lr"] == 0.005  # of the last update


@pytest.mark.parametrize("how", ["copied", "pickled", "saved", "saved alone", "shared"])
def test_copy_steps_as_far(how: str, tmp_path: Path) -> None:
    # Without a seed each policy that is built has a wiring of its own.
    agent = make_agent("PPO", policy_kwargs=SGD, learning_rate=0.1, seed=None)
    agent.policy.networks["pi"].command.update_mask(
        torch.eye(*agent.policy.networks["pi"].command.mask.shape)
    )
    if how == "copied":
        policy = copy.deepcopy(agent.policy)
    elif how == "pickled":
        policy = pickle.loads(pickle.dumps(agent.policy))
    elif how == "saved":
        agent.save(tmp_path / "agent")
        policy = type(agent).load(tmp_path / "agent", device="cpu").policy
    elif how == "saved alone":
        agent.policy.save(str(tmp_path / "policy"))
        policy = type(agent.policy).load(str(tmp_path / "policy"), "cpu")
        policy.optimizer.param_groups[0]["lr"] = 0.1
    else:
        policy = copy.copy(agent.policy)
    check_dense_steps(policy, 0.1)
    agent.policy.set_training_mode(True)
    check_dense_steps(agent.policy, 0.1)


def test_masks_that_change_are_followed() -> None:
    agent = learn(make_agent("PPO", policy_kwargs=SGD, learning_rate=0.1))
    before = densities(agent.policy)
    layer = agent.policy.networks["pi"].command
    layer.update_mask(torch.eye(*layer.mask.shape))
    assert densities(agent.policy) != before
    agent.policy.set_training_mode(True)
    check_dense_steps(agent.policy, 0.1)


class Calling(torch.optim.SGD):
    """A step that calls the one of its class, which PyTorch wraps as well."""

    def step(self, closure: Any = None) -> Any:
        return super().step(closure)


def test_step_is_stretched_once() -> None:
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)  # wraps its class
    options = {"optimizer_class": Calling}
    policy = make_agent("PPO", policy_kwargs=options, learning_rate=0.1).policy
    check_dense_steps(policy, 0.1, n=3)
    scheduler = torch.optim.lr_scheduler.LambdaLR(policy.optimizer, lambda _: 0.5)
    policy.set_training_mode(True)
    check_dense_steps(policy, 0.05)
    scheduler.step()
    check_dense_steps(policy, 0.05)


def test_step_that_fails_leaves_the_learning_rate() -> None:
    policy = make_agent("PPO", policy_kwargs=SGD, learning_rate=0.1).policy

    def fail() -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        policy.optimizer.step(fail)
    check_dense_steps(policy, 0.1)


@pytest.mark.parametrize("given", [None, False])
def test_agent_that_goes_on_from_a_file_learns_the_same(
    given: bool | None, tmp_path: Path
) -> None:
    agent = learn(make_agent("PPO", policy_kwargs={"dense_steps": given}))
    agent.save(tmp_path / "agent")
    again = type(agent).load(tmp_path / "agent", device="cpu")
    for each in (agent, again):
        moved(each.policy)
    for name, p in agent.policy.named_parameters():
        assert torch.equal(p, dict(again.policy.named_parameters())[name]), name


def test_parameters_go_from_one_kind_into_the_other(tmp_path: Path) -> None:
    for first, second in ((None, False), (False, None)):
        agent = learn(make_agent("PPO", policy_kwargs={"dense_steps": first}))
        agent.save(tmp_path / "agent")
        other = make_agent("PPO", policy_kwargs={"dense_steps": second}, seed=2)
        other.set_parameters(tmp_path / "agent")
        for name, p in agent.policy.named_parameters():
            assert torch.equal(p, dict(other.policy.named_parameters())[name]), name
        learn(other)


def test_policy_without_an_optimizer_is_copied_and_loaded() -> None:
    policy = make_agent("PPO").policy
    policy.optimizer = None
    copied = copy.deepcopy(policy)
    copied.load_state_dict(policy.state_dict())
    copied.set_training_mode(True)


def test_policy_that_was_pickled_before_steps_as_it_did() -> None:
    policy = make_agent("PPO", policy_kwargs=SGD, learning_rate=0.1).policy
    for name in ("dense_steps", "_dense_roles"):
        del vars(policy)[name]
    again = pickle.loads(pickle.dumps(policy))
    assert all(step == pytest.approx(0.1) for step in moved(again).values())


@pytest.mark.filterwarnings("ignore:A recurrent network has no memory")
@pytest.mark.parametrize(
    ("algorithm", "options", "error", "words"),
    [
        ("PPO", {"dense_steps": 2}, TypeError, "must be True, False or None; got 2"),
        (
            "PPO",
            {"dense_steps": True, "network": "liquid"},
            ValueError,
            "not made of sparse layers, .* got True for 'liquid'",
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


class OwnAdam(torch.optim.Adam):
    """Steps by itself, and keeps none of Adam's options."""

    def __init__(self, params: Any, lr: float) -> None:
        torch.optim.Optimizer.__init__(self, params, {"lr": lr})

    def step(self, closure: Any = None) -> None:
        """Stays."""


def test_adam_of_a_user_is_left_alone() -> None:
    policy = make_agent("PPO", policy_kwargs={"optimizer_class": OwnAdam}).policy
    (group,) = policy.optimizer.param_groups
    assert set(group) == {"params", "lr"}
