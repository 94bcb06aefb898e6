"""A sequence is its steps, each environment by itself, wherever the network lies."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from velora_ncps import NcpsNetwork, build_cfc, build_ltc

F, N, OUT, T = 5, 12, 2, 4  # so 14 units: 8 inter, 4 command, 2 motor
both = pytest.mark.parametrize("build", [build_cfc, build_ltc])


def make(build: Any) -> NcpsNetwork:
    return build(F, OUT, n_neurons=N)


def sequence(batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, a state to start from, and times."""
    return (
        torch.randn(T, batch, F),
        torch.rand(batch, N + OUT),
        torch.rand(T, batch) + 0.5,
    )


@both
def test_sequence_equals_its_steps_and_their_gradients(build: Any) -> None:
    network = make(build)
    x, state, _ = sequence(3)
    y, last = network.forward_sequence(x, state)
    wanted = torch.autograd.grad(y.sum() + last.sum(), list(network.parameters()))
    steps = []
    for row in x:
        out, state = network(row, state)
        steps.append(out)
    torch.testing.assert_close(y, torch.stack(steps))
    torch.testing.assert_close(last, state)
    loss = torch.stack(steps).sum() + state.sum()
    got = torch.autograd.grad(loss, list(network.parameters()))
    torch.testing.assert_close(got, wanted)


@both
def test_reset_starts_one_environment_from_zero(build: Any) -> None:
    network = make(build)
    x, state, times = sequence(3)
    resets = torch.zeros(T, 3, dtype=torch.bool)
    resets[2, 1] = resets[0, 2] = True
    y, last = network.forward_sequence(x, state, resets=resets, timespans=times)
    for env, pieces in enumerate([[(0, T)], [(0, 2), (2, T)], [(0, T)]]):
        alone = state[env : env + 1]
        for start, stop in pieces:
            if resets[start, env]:
                alone = torch.zeros_like(alone)
            part, alone = network.forward_sequence(
                x[start:stop, env : env + 1],
                alone,
                timespans=times[start:stop, env : env + 1],
            )
            torch.testing.assert_close(y[start:stop, env], part[:, 0])
        torch.testing.assert_close(last[env], alone[0])


@both
@pytest.mark.parametrize("batch", [1, 2, 3, T, 8, N + OUT])
def test_each_environment_evolves_by_its_own_time(build: Any, batch: int) -> None:
    network = make(build)
    x, state, times = sequence(batch)
    y, last = network.forward_sequence(x, state, timespans=times)
    third, _ = network.forward_sequence(x, state, timespans=times[..., None])
    assert torch.equal(y, third)
    for env in range(batch):
        one = slice(env, env + 1)
        alone, after = network.forward_sequence(
            x[:, one], state[one], timespans=times[:, env]
        )
        torch.testing.assert_close(y[:, one], alone)
        torch.testing.assert_close(last[one], after)
    assert not torch.allclose(last, network.forward_sequence(x, state)[1])


@both
def test_one_time_may_be_a_number(build: Any) -> None:
    network = make(build)
    x, state, _ = sequence(T)
    wanted = network.forward_sequence(x, state, timespans=torch.full((T, T), 2.5))
    for time in (2.5, torch.tensor(2.5), torch.full((T,), 2.5)):
        got = network.forward_sequence(x, state, timespans=time)
        torch.testing.assert_close(got, wanted)
    ones = network.forward_sequence(x, state, timespans=1)
    assert torch.equal(ones[0], network.forward_sequence(x, state)[0])


@both
def test_no_time_is_finite(build: Any) -> None:
    network = make(build)
    x, state, _ = sequence(3)
    y, last = network.forward_sequence(x, state, timespans=0.0)
    y.sum().backward()
    assert y.isfinite().all()
    assert all(p.grad.isfinite().all() for p in network.parameters())
    if build is build_ltc:
        torch.testing.assert_close(last, state, atol=1e-3, rtol=0)


@both
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("x", torch.zeros(3, F)),
        ("x", torch.zeros(T, 3, F + 1)),
        ("x", torch.zeros(0, 3, F)),
        ("state", torch.zeros(1, N + OUT)),
        ("state", torch.zeros(3, N)),
        ("resets", torch.zeros(3, T)),
        ("resets", torch.zeros(T, 1)),
        ("timespans", torch.ones(3)),
        ("timespans", torch.ones(3, T)),
        ("timespans", torch.ones(T, 1)),
        ("timespans", torch.ones(T, 3, N + OUT)),
        ("timespans", [1.0] * T),
    ],
)
def test_other_shape_is_refused(build: Any, argument: str, value: Any) -> None:
    arguments = {"x": torch.zeros(T, 3, F), argument: value}
    with pytest.raises(ValueError, match=f"`{argument}` must .*; got "):
        make(build).forward_sequence(**arguments)


@both
def test_state_is_all_units_and_no_module_hides_one(build: Any) -> None:
    network = make(build)
    x, state, _ = sequence(3)
    assert torch.equal(network.initial_state(3), torch.zeros_like(state))
    first, last = network.forward_sequence(x)
    assert last.shape == (3, N + OUT)
    network.forward_sequence(x, state)
    again, _ = network.forward_sequence(x, network.initial_state(3))
    assert torch.equal(first, again)


@both
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copy_computes_the_same_and_by_itself(build: Any, copied: Any) -> None:
    network = make(build)
    x, state, _ = sequence(3)
    wanted = network.forward_sequence(x, state)[0]
    twin = copied(network)
    assert torch.equal(twin.forward_sequence(x, state)[0], wanted)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(0.5)
    assert not torch.allclose(twin.forward_sequence(x, state)[0], wanted)
    assert torch.equal(network.forward_sequence(x, state)[0], wanted)


@both
def test_double_precision_computes_the_same(build: Any) -> None:
    network = make(build)
    x, state, times = sequence(3)
    wanted, _ = network.forward_sequence(x, state, timespans=times)
    got, last = network.double().forward_sequence(
        x.double(), state.double(), timespans=times
    )
    assert got.dtype == last.dtype == network.initial_state(1).dtype == torch.float64
    torch.testing.assert_close(got.float(), wanted, atol=1e-5, rtol=1e-4)


@both
def test_meta_device_gives_shapes(build: Any) -> None:
    network = build(F, OUT, n_neurons=N, device="meta")
    x, _, times = (part.to("meta") for part in sequence(3))
    resets = torch.zeros(T, 3, device="meta")
    y, state = network.forward_sequence(x, resets=resets, timespans=times)
    assert (y.shape, y.device.type) == ((T, 3, OUT), "meta")
    assert (state.shape, state.device.type) == ((3, N + OUT), "meta")


@both
def test_replaced_parameters_are_the_ones_it_computes_with(build: Any) -> None:
    network, other = make(build), make(build)
    x, state, _ = sequence(3)
    wanted = other.forward_sequence(x, state)[0]
    assert not torch.allclose(network.forward_sequence(x, state)[0], wanted)
    got = torch.func.functional_call(network, other.state_dict(), (x[0], state))[0]
    torch.testing.assert_close(got, wanted[0])
    network.load_state_dict(other.state_dict(), assign=True)
    assert torch.equal(network.forward_sequence(x, state)[0], wanted)


@both
def test_masks_are_saved_and_learn_nothing(build: Any) -> None:
    network = make(build)
    assert all(parameter.requires_grad for parameter in network.parameters())
    masks = [name for name in network.state_dict() if "mask" in name]
    assert masks
    assert masks == [name for name, _ in network.named_buffers()]


@both
def test_seed_of_torch_makes_a_network_reproducible(build: Any) -> None:
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(make(build).state_dict())
    first, same, other = made
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(
        not torch.equal(first[name], other[name]) for name in first if "mask" in name
    )


@both
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"n_neurons": 2}, ValueError),
        ({"n_neurons": 12.0}, TypeError),
        ({"sparsity_level": 0.05}, ValueError),
        ({"sparsity_level": 0.95}, ValueError),
    ],
)
def test_bad_option_is_named(build: Any, options: Any, error: Any) -> None:
    with pytest.raises(error, match=f"`{next(iter(options))}` must be"):
        build(F, OUT, **options)


def test_cfc_says_more_than_a_tanh_can() -> None:
    network = make(build_cfc)
    x = torch.randn(T, 3, F)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    for _ in range(100):
        loss = (network.forward_sequence(x)[0] - 5).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert network.forward_sequence(x)[0].min() > 4
