"""Modules compute in the dtype they are moved to."""

import pytest
import torch

from velora.models.lnn.recurrent import RecurrentNCPNetwork

LOW = [torch.bfloat16, torch.float16]


def everything(network, x):
    """All that a network computes for x: (T, B, F), as a list of tensors."""
    if not isinstance(network, RecurrentNCPNetwork):
        return [network(x[0])]
    t = torch.full(x.shape[:2], 0.5)
    resets = torch.zeros(x.shape[:2], dtype=torch.bool)
    resets[1, 0] = True
    return [
        *network(x[0]),
        *network.forward_sequence(x, return_states=True),
        *network.forward_sequence(x, resets=resets, timespans=t),
        *network.forward_sequence(x, timespans=0.5),
        *network.frozen_step()(x[0]),
    ]


@pytest.fixture
def network(make_network, network_type):
    return make_network(network_type, (3, 20, 2), torch.float32)


@pytest.mark.parametrize("dtype", [torch.float64, *LOW])
def test_outputs_have_the_dtype_and_the_numbers(network, dtype):
    x = torch.randn(4, 3, 3)
    expected = everything(network, x)
    got = everything(network.to(dtype), x.to(dtype))
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours.float(), theirs, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("dtype", [torch.float64, *LOW])
def test_parameters_masks_and_gradients_follow(network, dtype):
    masks = network.masks
    network.to(dtype)
    assert network.masks == masks
    assert {value.dtype for value in network.parameters()} == {dtype}
    assert {value.dtype for value in network.buffers()} == {torch.bool}
    x = torch.randn(4, 3, 3, dtype=dtype)
    sum(output.sum() for output in everything(network, x)).backward()
    for parameter in network.parameters():
        assert parameter.grad.dtype == dtype
        assert parameter.grad.isfinite().all()


def test_moving_there_and_back_keeps_the_wiring(network):
    masks, active = network.masks, network.active_params
    network.bfloat16().double().float()
    assert network.masks == masks
    assert network.active_params == active


@pytest.mark.parametrize("dtype", LOW)
def test_initial_state_follows_the_dtype(make_recurrent, dtype):
    assert make_recurrent(dtype=dtype).initial_state(3).dtype == dtype


def test_the_default_dtype_is_followed(network_type):
    torch.set_default_dtype(torch.float64)
    try:
        network = network_type(3, 20, 2)
        outputs = everything(network, torch.randn(4, 3, 3))
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(value.dtype == torch.float64 for value in network.parameters())
    assert all(output.dtype == torch.float64 for output in outputs)


def test_large_inputs_stay_finite_in_half_precision(make_recurrent):
    network = make_recurrent((3, 20, 2), torch.float16)
    x = 1e3 * torch.randn(4, 3, 3).half()
    for output in everything(network, x):
        assert output.isfinite().all()


def test_autocast_computes_in_bfloat16_and_trains_in_float32(network):
    x = torch.randn(4, 3, 3)
    expected = everything(network, x)
    with torch.autocast("cpu", torch.bfloat16):
        got = everything(network, x)
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours.float(), theirs, rtol=0.05, atol=0.05)
    assert got[0].dtype == torch.bfloat16
    sum(output.float().sum() for output in got).backward()
    for parameter in network.parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all()


def test_autocast_leaves_masked_weights_without_effect(network):
    x = torch.randn(4, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        before = everything(network, x)
        for name, parameter in network.named_parameters():
            if name.endswith("weight"):
                mask = network.get_submodule(name.rpartition(".")[0]).mask
                parameter.data[mask == 0] = 1e30
        after = everything(network, x)
    for got, expected in zip(after, before, strict=True):
        torch.testing.assert_close(got, expected)


def test_a_state_made_under_autocast_goes_on_outside(make_recurrent):
    network = make_recurrent((3, 20, 2), torch.float32)
    x = torch.randn(5, 3)
    with torch.autocast("cpu", torch.bfloat16):
        _, state = network(x)
        network(x, state)
    y, state = network(x, state)
    assert y.dtype == state.dtype == torch.float32
