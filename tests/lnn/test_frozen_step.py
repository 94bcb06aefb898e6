"""frozen_step: forward with the weights of now."""

import copy

import pytest
import torch


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("sizes", [(1, 2, 1), (3, 10, 2), (65, 63, 3)])
@pytest.mark.parametrize("batch", [1, 3, 4, 65])
def test_it_equals_forward(make_recurrent, sizes, batch, dtype):
    network = make_recurrent(sizes, dtype)
    step = network.frozen_step()
    x = torch.randn(batch, sizes[0], dtype=dtype)
    hidden = torch.randn(batch, network.hidden_size, dtype=dtype)
    for arguments in ((x,), (x, None), (x, hidden)):
        got, expected = step(*arguments), network(*arguments)
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
        if dtype == torch.float64:
            torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("scale", [1e-3, 30.0, 1e3, 1e5])
def test_it_equals_forward_at_extreme_inputs(make_recurrent, scale):
    network = make_recurrent(dtype=torch.float32)
    x = scale * torch.randn(20, 3)
    torch.testing.assert_close(
        network.frozen_step()(x), network(x), rtol=1e-4, atol=1e-5
    )


def test_it_goes_through_an_episode(make_recurrent):
    network = make_recurrent()
    step, state = network.frozen_step(), None
    x = torch.randn(6, 3, 3, dtype=torch.float64)
    expected, end = network.forward_sequence(x)
    for observation, y in zip(x, expected, strict=True):
        got, state = step(observation, state)
        torch.testing.assert_close(got, y)
    torch.testing.assert_close(state, end)


def test_it_does_not_follow_later_changes(make_recurrent):
    network = make_recurrent()
    step = network.frozen_step()
    x = torch.randn(5, 3, dtype=torch.float64)
    before = step(x)
    for parameter in network.parameters():
        parameter.data.mul_(3).add_(1)
    network.command.update_mask(torch.zeros(6, 4))
    network.inter.update_mask(torch.zeros(6, 3))
    network.motor.update_mask(torch.zeros(2, 4))
    for got, expected in zip(step(x), before, strict=True):
        assert torch.equal(got, expected)
    network.float()
    for got, expected in zip(step(x), before, strict=True):
        assert torch.equal(got, expected)


def test_it_computes_no_gradients(make_recurrent):
    network = make_recurrent()
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    y, state = network.frozen_step()(x)
    assert not y.requires_grad
    assert not state.requires_grad
    assert torch.is_grad_enabled()
    assert network(x)[0].requires_grad


def test_it_leaves_network_and_arguments_as_they_were(make_recurrent):
    network = make_recurrent()
    before = copy.deepcopy(network.state_dict())
    x = torch.randn(5, 3, dtype=torch.float64)
    hidden = torch.randn(5, 4, dtype=torch.float64)
    kept = x.clone(), hidden.clone()
    network.frozen_step()(x, hidden)
    assert torch.equal(x, kept[0])
    assert torch.equal(hidden, kept[1])
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("x", "hidden", "text"),
    [
        ((3,), None, "Unsupported dimensionality"),
        ((5, 4), None, r"\(batch, 3\); got \(5, 4\)"),
        ((5, 3), (4, 4), r"\(5, 4\); got \(4, 4\)"),
    ],
)
def test_it_refuses_what_forward_refuses(make_recurrent, x, hidden, text):
    network = make_recurrent((3, 10, 2), torch.float32)
    state = None if hidden is None else torch.zeros(hidden)
    for step in (network, network.frozen_step()):
        with pytest.raises(ValueError, match=text):
            step(torch.zeros(x), state)
