"""A state keeps its dtype and its values on the way through RecurrentPPO."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from recurrent_agents import follow, learn, make_model, ragged, sequence
from torch import Tensor, nn

from velora.plugins import networks
from velora.sb3 import Agent
from velora.sb3.recurrent.exact_floats import from_floats, n_floats, to_floats
from velora.sb3.recurrent.lstm_states import PackedBody

KEPT = [torch.float16, torch.float32, torch.float64, torch.complex64]
KEPT += [torch.complex128, torch.bool, torch.uint8, torch.int8, torch.int16]
KEPT += [torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64]


class Counting(nn.Linear):
    """Remembers a number of floats, a counter and whether it has seen a step."""

    dtype = torch.int64
    start = 2**53  # which no floating point number of PyTorch can count on from

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features + 1, out_features)

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        zeros = self.weight.new_zeros(batch_size, 3)
        count = torch.full((batch_size, 1), self.start).to(self.dtype)
        return zeros, count, torch.zeros(batch_size, dtype=torch.bool)

    def forward_sequence(
        self, x: Tensor, state: Any = None, *, resets: Any = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        start = self.initial_state(x.shape[1])
        trace, count, seen = start if state is None else state
        assert (count.dtype, seen.dtype) == (self.dtype, torch.bool)
        outputs = []
        for step, now in enumerate(x):
            if resets is not None:
                again = resets[step, :, None]
                trace = torch.where(again, start[0], trace)
                count = torch.where(again, start[1], count)
                seen = seen & ~resets[step]
            trace = 0.5 * trace + now[:, :3].tanh()
            count, seen = count + 1, ~seen | seen
            steps = (count - self.start).to(now.dtype)
            outputs.append(super().forward(torch.cat((now, steps + trace[:, :1]), 1)))
        return torch.stack(outputs), (trace, count, seen)


class Halved(Counting):
    dtype, start = torch.float16, 1  # type: ignore[assignment]  # tested


class Unsaid(Counting):
    """Counts in a dtype that is not the one it starts with."""

    def forward_sequence(
        self, x: Tensor, state: Any = None, *, resets: Any = None
    ) -> Any:
        start = self.initial_state(x.shape[1])
        y, (trace, count, seen) = super().forward_sequence(x, start, resets=resets)
        return y, (trace, count.float(), seen)


class Brained(Counting):
    dtype, start = torch.bfloat16, 1  # type: ignore[assignment]  # tested


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    for kind in (Counting, Halved, Unsaid, Brained):
        name = f"test-{kind.__name__.lower()}"
        networks().add(name, kind, recurrent=True, override=True)


def counting(network: str = "test-counting", **options: Any) -> Any:
    return make_model(policy_kwargs={"network": network} | options)


def samples(dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    """Returns numbers of every pattern of bits that a dtype has."""
    torch.manual_seed(1)
    size = (*shape[:-1], shape[-1] * dtype.itemsize)
    bits = torch.randint(0, 256, size, dtype=torch.uint8)
    if dtype == torch.bool:
        return bits > 127
    numbers = bits.view(dtype)
    # Of half precision the numbers are kept, not what is no number.
    return numbers.nan_to_num() if dtype == torch.float16 else numbers


@pytest.mark.parametrize("dtype", KEPT, ids=str)
def test_bits_survive_a_rollout_buffer(dtype: torch.dtype) -> None:
    part = samples(dtype, (5, 2, 3))
    others = torch.randn(5, 1)
    stored = torch.cat((others, to_floats(part), others), dim=1).numpy().copy()
    assert stored.dtype == np.float32
    flat = torch.as_tensor(stored)[:, 1:-1]
    assert flat.shape[1] == n_floats((2, 3), dtype)
    for rows, expected in ((flat, part), (flat[:1], part[:1])):
        back = from_floats(rows, (2, 3), dtype)
        assert back.dtype == dtype
        assert back.numpy().tobytes() == expected.numpy().tobytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_gradients_of_a_state_go_through(dtype: torch.dtype) -> None:
    part = torch.randn(2, 3, dtype=dtype, requires_grad=True)
    from_floats(to_floats(part), (3,), dtype).sum().backward()
    assert part.grad is not None
    assert part.grad.eq(1).all()


def test_state_of_several_dtypes_is_packed_and_unpacked() -> None:
    body = PackedBody(networks()["test-counting"], 3, 2, {})
    state = (
        torch.randn(4, 3),
        torch.randint(-(2**62), 2**62, (4, 1)),
        torch.rand(4) > 0.5,
    )
    for before, after in zip(state, body.unpack(body.pack(state)), strict=True):
        assert after.dtype == before.dtype
        assert torch.equal(after, before)


@pytest.mark.parametrize("network", ["test-counting", "test-halved"])
@pytest.mark.parametrize("n_envs", [1, 3])
def test_predict_gives_and_takes_the_state_as_it_is(network: str, n_envs: int) -> None:
    model = make_model(ragged(n_envs=n_envs), policy_kwargs={"network": network})
    net = model.policy.networks["pi"]
    _, state = follow(model, sequence(model, steps=5, n_envs=n_envs))
    assert state[1].dtype == torch.zeros(0, dtype=net.dtype).numpy().dtype
    assert (state[1] == net.start + 5).all()
    assert state[2].dtype == bool
    assert state[2].all()
    starts = np.zeros((5, n_envs), dtype=bool)
    starts[3, 0] = True
    _, state = follow(model, sequence(model, steps=5, n_envs=n_envs), starts)
    assert (state[1][:, 0] - net.start).tolist() == [2] + [5] * (n_envs - 1)


def test_counter_of_a_rollout_is_the_one_of_its_episode() -> None:
    model = learn(counting())
    buffer = model.rollout_buffer
    n_steps, n_envs = buffer.buffer_size, model.n_envs
    body = model.policy.lstm_actor
    (data,) = buffer.get(batch_size=None)
    body.network.forward_sequence = spy = Spy(body.network)
    with torch.no_grad():
        model.policy.evaluate_actions(
            data.observations, data.actions, data.lstm_states, data.episode_starts
        )
    _, count, seen = spy.state
    assert count.dtype == torch.int64
    assert seen.dtype == torch.bool
    # A sequence that goes on has counted; one that starts is reset, whatever was.
    goes_on = data.episode_starts.view(len(count), -1)[:, 0] == 0
    steps = count[:, 0] - 2**53
    assert goes_on.any()
    assert bool(((steps[goes_on] > 0) & (steps[goes_on] <= n_steps * n_envs)).all())
    assert bool(seen[goes_on].all())


class Spy:
    """Keeps the state with which a network was called."""

    def __init__(self, network: Any) -> None:
        self.network, self.call = network, type(network).forward_sequence

    def __call__(self, x: Tensor, state: Any, *, resets: Tensor) -> Any:
        self.state = state
        return self.call(self.network, x, state, resets=resets)


@pytest.mark.parametrize("network", ["test-counting", "test-halved"])
def test_recorded_actions_are_those_evaluated(network: str) -> None:
    model = learn(counting(network))
    model.collect_rollouts(
        model.env, model._setup_learn(0)[1], model.rollout_buffer, model.n_steps
    )
    (data,) = model.rollout_buffer.get(batch_size=None)
    with torch.no_grad():
        values, log_prob, _ = model.policy.evaluate_actions(
            data.observations, data.actions, data.lstm_states, data.episode_starts
        )
    mask = data.mask > 1e-8
    torch.testing.assert_close(log_prob[mask], data.old_log_prob[mask])
    torch.testing.assert_close(values.flatten()[mask], data.old_values[mask])


def test_agent_keeps_the_dtypes() -> None:
    model = counting()
    agent = Agent(model)
    for obs in sequence(model, steps=3):
        agent.act(obs)
    assert [part.dtype.name for part in agent.state or ()] == [
        "float32",
        "int64",
        "bool",
    ]


def test_gsde_by_a_state_of_several_dtypes() -> None:
    networks().add("test-shown-counting", ShownCounting, recurrent=True, override=True)
    options = {"network": "test-shown-counting"}
    learn(make_model(policy_kwargs=options, use_sde=True))


class ShownCounting(Counting):
    start = 0

    def forward_sequence(  # type: ignore[override]  # what is tested
        self,
        x: Tensor,
        state: Any = None,
        *,
        resets: Any = None,
        return_states: bool = False,
    ) -> Any:
        state = self.initial_state(x.shape[1]) if state is None else state
        outputs, states = [], []
        for step, now in enumerate(x):
            reset = None if resets is None else resets[step : step + 1]
            y, state = super().forward_sequence(now[None], state, resets=reset)
            outputs.append(y[0])
            states.append(state)
        shown = tuple(map(torch.stack, zip(*states, strict=True)))
        pair = torch.stack(outputs), state
        return (*pair, shown) if return_states else pair


def test_state_that_changes_its_dtype_is_refused() -> None:
    model = counting("test-unsaid")
    with pytest.raises(ValueError, match=r"of the dtypes \[.*int64.*float32"):
        model.predict(sequence(model)[0])


def test_dtype_that_numpy_lacks_is_refused_at_construction() -> None:
    with pytest.raises(TypeError, match=r"dtypes that NumPy has.*bfloat16"):
        counting("test-brained")
