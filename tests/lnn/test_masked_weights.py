"""A masked weight has no effect and no gradient, whatever is written into it."""

import copy

import pytest
import torch

from velora.models.lnn import SparseLinear
from velora.models.lnn.recurrent import RecurrentNCPNetwork

LARGEST = torch.finfo(torch.float64).max


def layers(module):
    return [part for part in module.modules() if isinstance(part, SparseLinear)]


def compute(network, x):
    """Everything a network can compute for x: (T, B, F)."""
    y = network(x[0])
    outputs = list(y) if isinstance(y, tuple) else [y]
    if isinstance(network, RecurrentNCPNetwork):
        outputs += network.forward_sequence(x, return_states=True)
        t = torch.full_like(x[..., 0], 2)
        outputs += network.forward_sequence(x, timespans=t)
        outputs += network.frozen_step()(x[0])
    return outputs


def write_data(weight, masked, value):
    weight.data[masked] = value


def write_in_place(weight, masked, value):
    with torch.no_grad():
        weight.masked_fill_(masked, value)


def write_copy(weight, masked, value):
    with torch.no_grad():
        weight.copy_(torch.where(masked, torch.full_like(weight, value), weight))


def write_new_data(weight, masked, value):
    weight.data = torch.where(masked, torch.full_like(weight, value), weight.data)


@pytest.fixture
def network(make_network, network_type):
    return make_network(network_type, (3, 12, 2))


@pytest.fixture
def x():
    return torch.randn(4, 3, 3, dtype=torch.float64)


@pytest.mark.parametrize("value", [1.0, -7e7, 1e300, LARGEST, -LARGEST])
@pytest.mark.parametrize(
    "write", [write_data, write_in_place, write_copy, write_new_data]
)
@pytest.mark.parametrize("grad", [True, False])
def test_what_is_written_has_no_effect(network, x, write, value, grad):
    with torch.set_grad_enabled(grad):
        before = compute(network, x)
        for layer in layers(network):
            write(layer.weight, layer.mask == 0, value)
        after = compute(network, x)
    for got, expected in zip(after, before, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_modes_make_no_difference(network, x, training):
    before = compute(network, x)
    network.train(training)
    for layer in layers(network):
        write_data(layer.weight, layer.mask == 0, 5.0)
    for got, expected in zip(compute(network, x), before, strict=True):
        torch.testing.assert_close(got, expected)


def test_what_is_written_gets_no_gradient(network, x):
    for layer in layers(network):
        write_data(layer.weight, layer.mask == 0, LARGEST)
    sum(output.sum() for output in compute(network, x)).backward()
    for layer in layers(network):
        masked = layer.mask == 0
        assert masked.any()
        assert layer.weight.grad.isfinite().all()
        assert not layer.weight.grad[masked].any()
        assert layer.weight.grad[~masked].any()


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
        (torch.optim.Adam, {"lr": 0.1, "weight_decay": 0.1}),
        (torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.1}),
    ],
)
def test_an_optimizer_cannot_wake_a_masked_weight(network, x, optimizer, options):
    clean = copy.deepcopy(network)
    for layer in layers(network):
        write_data(layer.weight, layer.mask == 0, 3.0)
    for trained in (network, clean):
        steps = optimizer(trained.parameters(), **options)
        for _ in range(4):
            steps.zero_grad()
            sum(output.square().mean() for output in compute(trained, x)).backward()
            steps.step()
    for got, expected in zip(compute(network, x), compute(clean, x), strict=True):
        torch.testing.assert_close(got, expected)
    for dirty, tidy in zip(layers(network), layers(clean), strict=True):
        assert dirty.weight[dirty.mask == 0].any()
        assert not tidy.weight[tidy.mask == 0].equal(dirty.weight[dirty.mask == 0])


def test_free_weights_do_have_an_effect(network, x):
    before = compute(network, x)
    for layer in layers(network):
        write_data(layer.weight, layer.mask != 0, 0.5)
    for got, expected in zip(compute(network, x), before, strict=True):
        assert not torch.allclose(got, expected)


def test_a_target_update_changes_the_output_at_once(make_network, network_type, x):
    online = make_network(network_type)
    target = copy.deepcopy(online)
    online = make_network(network_type).requires_grad_(False)
    for name, buffer in online.named_buffers():
        buffer.copy_(target.get_buffer(name))
    before = compute(target, x)
    for p, t in zip(online.parameters(), target.parameters(), strict=True):
        t.data.mul_(1 - 0.3)
        t.data.add_(0.3 * p.data)
    halfway = compute(target, x)
    assert not torch.allclose(halfway[0], before[0])
    for p, t in zip(online.parameters(), target.parameters(), strict=True):
        t.data.mul_(1 - 1.0)
        torch.add(t.data, p.data, alpha=1.0, out=t.data)
    for got, expected in zip(compute(target, x), compute(online, x), strict=True):
        torch.testing.assert_close(got, expected)
