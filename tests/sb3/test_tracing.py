"""Policies as Stable-Baselines3's docs export them: an action for an observation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from agents import make_agent
from recurrent_agents import TIMED, make_model, ragged
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.distributions import Distribution
from torch.func import functional_call, jacrev, stack_module_state, vmap
from tracers import ROWS, THEIR_WARNINGS, TRACERS, as_tuple, assert_equal, each_tracer

pytestmark = [
    *THEIR_WARNINGS,
    pytest.mark.filterwarnings("ignore:A recurrent network has no memory here"),
]


@pytest.fixture(autouse=True)
def _without_validation() -> Iterator[None]:
    """Turns off what no exporter sees through, as torch.compile does by itself.

    That is: distributions look at values, those of Stable-Baselines3's MlpPolicy, too.
    """
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    yield
    Distribution.set_default_validate_args(before)


class Deterministic(nn.Module):
    """The action that a policy takes for an observation."""

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.policy = policy
        self.eval()

    def forward(self, obs: Tensor) -> Any:
        return self.policy._predict(obs, deterministic=True)


class Recurrent(Deterministic):
    """The same with a state, in and out."""

    def forward(self, obs: Any, one: Tensor, two: Tensor, starts: Tensor) -> Any:
        action, after = self.policy._predict(obs, (one, two), starts, True)
        return action, *after


class Timed(Recurrent):
    """The same with the time since the last step."""

    def forward(
        self, obs: Any, one: Tensor, two: Tensor, starts: Tensor, dt: Tensor
    ) -> Any:
        return super().forward({"obs": obs, "dt": dt}, one, two, starts)


class Step(Deterministic):
    """All that RecurrentPPO asks for: actions, values, probabilities and states.

    One state serves for both networks, the other way round for the critic.
    """

    def forward(self, obs: Any, one: Tensor, two: Tensor, starts: Tensor) -> Any:
        both = RNNStates((one, two), (two, one))
        *outputs, after = self.policy(obs, both, starts, True)
        return *outputs, *after.pi, *after.vf


Draw = Callable[[int], tuple[Tensor, ...]]
KINDS = (
    "PPO NCP flat",
    "PPO Liquid window",
    "SAC NCP window",
    "SAC Liquid flat",
    "RecurrentPPO",
    "TD3 NCP flat",
    "TD3 Liquid window",
    "DQN NCP window",
    "DQN Liquid flat",
    "RecurrentPPO step",
    "RecurrentPPO timed",
)


def made(kind: str) -> tuple[nn.Module, Draw, tuple[int, ...]]:
    """Makes a policy, what draws its arguments for some rows, and where these are."""
    torch.manual_seed(0)
    name, *rest = kind.split()
    if name == "RecurrentPPO":
        return made_recurrent(*rest)
    options = {"n_neurons": 40}  # with 256 rows they are enough for compiled loops
    agent = make_agent(name, f"{rest[0]}Policy", rest[1], policy_kwargs=options)
    shape = agent.observation_space.shape
    return Deterministic(agent.policy), lambda n: (torch.randn(n, *shape),), (0,)


def made_recurrent(kind: str = "") -> tuple[nn.Module, Draw, tuple[int, ...]]:
    timed = kind == "timed"
    options = {"timespan_key": "dt"} if timed else {}
    policy = make_model(ragged(TIMED) if timed else None, policy_kwargs=options).policy
    size = policy.lstm_actor.hidden_size

    def draw(rows: int) -> tuple[Tensor, ...]:
        one, two = torch.randn(2, 1, rows, size)
        starts = (torch.rand(rows) < 0.3).float()
        args = torch.randn(rows, 3), one, two, starts
        return (*args, torch.rand(rows, 1)) if timed else args

    module = {"": Recurrent, "step": Step, "timed": Timed}[kind](policy)
    return module, draw, (0, 1, 1, 0, 0)[: 4 + timed]


@each_tracer(*KINDS)
@torch.no_grad()
def test_recorded_policy_takes_any_number_of_rows(
    tracer: str, kind: str, rows: int
) -> None:
    policy, draw, batch = made(kind)
    recorded = TRACERS[tracer](policy, draw(rows), batch)
    for n in ROWS:
        args = draw(n)
        assert_equal(recorded(*args), policy(*args))


WITH_GRADIENTS = (
    "PPO NCP flat",
    "SAC Liquid flat",
    "TD3 Liquid window",
    "RecurrentPPO",
)


@pytest.mark.parametrize("kind", WITH_GRADIENTS)
def test_jacobian_of_actions_equals_backward(kind: str) -> None:
    policy, draw, _ = made(kind)
    obs, *rest = draw(3)

    def actions(obs: Tensor) -> Tensor:
        return as_tuple(policy(obs, *rest))[0]

    jacobian = jacrev(actions)(obs)
    leaf = obs.clone().requires_grad_()
    chosen = actions(leaf)
    for index in range(chosen.shape[1]):
        (expected,) = torch.autograd.grad(chosen[0, index], leaf, retain_graph=True)
        assert_equal(jacobian[0, index], expected)


@pytest.mark.parametrize("kind", [*WITH_GRADIENTS, "DQN NCP window"])
@torch.no_grad()
def test_stack_of_policies_equals_each(kind: str) -> None:
    (policy, draw, _), (other, *_) = made(kind), made(kind)
    for parameter in other.parameters():
        parameter.add_(torch.randn_like(parameter) / 10)
    parameters, buffers = stack_module_state([policy, other])
    args = draw(3)

    def one(*state: dict[str, Tensor]) -> Any:
        return functional_call(policy, state, args)

    got = as_tuple(vmap(one)(parameters, buffers))
    for index, single in enumerate((policy, other)):
        assert_equal([part[index] for part in got], single(*args))


# PyTorch loads its forward-mode rules through its own deprecated torch.jit.script.
@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
@pytest.mark.parametrize("kind", WITH_GRADIENTS)
@pytest.mark.parametrize("rows", [1, 256])
def test_forward_mode_equals_backward(kind: str, rows: int) -> None:
    policy, draw, _ = made(kind)
    obs, *rest = draw(rows)
    direction = torch.randn_like(obs)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(obs, direction)
        action = as_tuple(policy(dual, *rest))[0]
        tangent = forward_ad.unpack_dual(action).tangent
    leaf = obs.clone().requires_grad_()
    weight = torch.randn_like(tangent)
    action = as_tuple(policy(leaf, *rest))[0]
    (gradient,) = torch.autograd.grad(action, leaf, weight)
    forward, backward = (tangent * weight).sum(), (gradient * direction).sum()
    torch.testing.assert_close(forward, backward, rtol=1e-4, atol=1e-4)
