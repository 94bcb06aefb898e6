"""Modules live where they are made and go where they are moved."""

import copy

import pytest
import torch

from velora.models.lnn import NCPNetwork, SparseLinear
from velora.models.lnn.recurrent import RecurrentNCPNetwork
from velora.models.protocol import parts, takes
from velora.plugins import networks
from velora.utils import set_device

ACCELERATOR = set_device("auto")
needs_accelerator = pytest.mark.skipif(
    ACCELERATOR.type == "cpu", reason="no accelerator that PyTorch can use is here"
)


@pytest.fixture(autouse=True)
def _exact():
    """Has cuDNN, which computes PyTorch's LSTM and GRU, keep all digits of float32."""
    with torch.backends.cudnn.flags(allow_tf32=False):
        yield


INIT_TYPES = (
    "kaiming_uniform",
    "xavier",
    "orthogonal",
    "trunc_normal",
    "sonar",
    "zero",
)


def run(network, device="meta"):
    x = torch.ones(4, 5, 3, device=device)
    outputs = [network(x[0])]
    if isinstance(network, RecurrentNCPNetwork):
        outputs = [
            *network(x[0]),
            *network.forward_sequence(
                x, resets=x[..., 0] > 2, timespans=x[..., 0], return_states=True
            ),
        ]
    return outputs


@pytest.mark.parametrize("init_type", INIT_TYPES)
def test_network_is_made_on_the_meta_device(network_type, init_type):
    network = network_type(3, 10, 2, init_type=init_type, device="meta")
    assert network.device.type == "meta"
    for value in (*network.parameters(), *network.buffers()):
        assert value.device.type == "meta"
    outputs = run(network)
    assert outputs[0].shape == (5, 2)
    assert all(output.device.type == "meta" for output in outputs)


@pytest.mark.parametrize("device", ["meta", torch.device("meta")])
def test_layers_are_made_on_the_meta_device(device, cell_type):
    layer = SparseLinear(3, 2, torch.ones(2, 3), device=device)
    cell = cell_type(3, 2, torch.ones(3, 2), device=device)
    x = torch.ones(5, 3, device="meta")
    assert layer(x).shape == (5, 2)
    assert cell(x, torch.ones(5, 2, device="meta"))[0].shape == (5, 2)
    for module in (layer, cell):
        for value in (*module.parameters(), *module.buffers()):
            assert value.device.type == "meta"


def test_the_default_device_is_followed(network_type):
    with torch.device("meta"):
        network = network_type(3, 10, 2)
        assert network.device.type == "meta"
        assert network(torch.ones(5, 3)) is not None
    for value in (*network.parameters(), *network.buffers()):
        assert value.device.type == "meta"


def test_a_device_given_beats_the_default(network_type):
    with torch.device("meta"):
        network = network_type(3, 10, 2, device="cpu")
        masks = network.masks
    assert network.device.type == "cpu"
    assert network.masks == masks
    run(network, "cpu")


def test_the_wiring_is_the_same_on_every_device(network_type):
    torch.manual_seed(4)
    expected = network_type(3, 10, 2)
    torch.manual_seed(4)
    network = network_type(3, 10, 2, device="meta")
    state = network.to_empty(device="cpu").state_dict()
    assert state.keys() == expected.state_dict().keys()
    torch.manual_seed(4)
    wiring = network_type(3, 10, 2).wiring
    assert wiring == expected.wiring


def test_no_device_is_remembered_from_construction(network_type):
    network = network_type(3, 10, 2).to("meta")
    assert network.device.type == "meta"
    assert all(output.device.type == "meta" for output in run(network))
    if network_type is not NCPNetwork:
        assert network.initial_state(2).device.type == "meta"
    network.to_empty(device="cpu")
    assert network.device.type == "cpu"
    network.load_state_dict(network_type(3, 10, 2).state_dict())
    assert all(output.isfinite().all() for output in run(network, "cpu"))


def test_repr_and_sizes_need_no_data(network_type):
    network = network_type(3, 10, 2, device="meta")
    assert "in_features=3" in repr(network)
    assert network.counts.inter == 6
    assert network.total_params == sum(p.numel() for p in network.parameters())


def test_update_mask_takes_a_mask_from_any_device():
    layer = SparseLinear(3, 2, torch.ones(2, 3), device="meta")
    layer.update_mask(torch.zeros(2, 3))
    assert layer.mask.device.type == "meta"


def accelerated(network, *tensors, **options):
    """Returns a sequence's outputs and all gradients there, on the CPU."""
    device = tensors[0].device
    network = copy.deepcopy(network).to(device)
    x, state = (tensor.clone().requires_grad_() for tensor in tensors)
    y, last, states = network.forward_sequence(x, state, return_states=True, **options)
    assert {value.device.type for value in (y, last, states)} == {device.type}
    (y.square().mean() + states.square().mean()).backward()
    gradients = [tensor.grad for tensor in (x, state, *network.parameters())]
    return [value.detach().cpu() for value in (y, last, states, *gradients)]


@needs_accelerator
@pytest.mark.parametrize("with_resets", [False, True])
@pytest.mark.parametrize("with_times", [False, True])
@pytest.mark.parametrize(
    ("steps", "n_neurons"), [(1, 40), (3, 40), (40, 40), (20, 200), (20, 600), (3, 800)]
)
def test_a_sequence_on_an_accelerator_is_that_on_the_cpu(
    recurrent_type, steps, n_neurons, with_times, with_resets
):
    network = recurrent_type(3, n_neurons, 2)
    x, state = torch.randn(steps, 5, 3), torch.randn(5, network.hidden_size).tanh()
    resets = torch.rand(steps, 5) < 0.3 if with_resets else None
    times = torch.rand(steps, 5) + 0.5 if with_times else None
    expected = accelerated(network, x, state, resets=resets, timespans=times)
    there = [
        value if value is None else value.to(ACCELERATOR)
        for value in (x, state, resets, times)
    ]
    found = accelerated(network, *there[:2], resets=there[2], timespans=there[3])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@needs_accelerator
def test_a_step_on_an_accelerator_is_that_on_the_cpu(network_type):
    network = network_type(3, 40, 2)
    x = torch.randn(5, 3)
    expected = network(x)
    moved = network.to(ACCELERATOR)
    steps = [moved, moved.frozen_step()] if hasattr(moved, "frozen_step") else [moved]
    for step in steps:
        torch.testing.assert_close(
            step(x.to(ACCELERATOR)), expected, check_device=False, rtol=1e-4, atol=1e-5
        )


@needs_accelerator
def test_masked_weights_get_no_gradient_on_an_accelerator(network_type):
    network = network_type(3, 40, 2, device=ACCELERATOR)
    x = torch.randn(6, 5, 3, device=ACCELERATOR)
    is_recurrent = isinstance(network, RecurrentNCPNetwork)
    y = network.forward_sequence(x)[0] if is_recurrent else network(x[0])
    y.sum().backward()
    layers = [m for m in network.modules() if isinstance(m, SparseLinear)]
    assert layers
    for layer in layers:
        assert layer.mask.device.type == ACCELERATOR.type
        assert not layer.weight.grad[~layer.mask].any()


def through(network, x, resets, times):
    """Returns a sequence's outputs, last state and gradients there, on the CPU."""
    network = copy.deepcopy(network).to(x.device)
    x = x.clone().requires_grad_()
    timed = takes(network.forward_sequence, "timespans")
    options = {"timespans": times} if timed else {}
    y, state = network.forward_sequence(x, resets=resets, **options)
    values = [y, *parts(state)]
    sum(value.square().mean() for value in values).backward()
    gradients = [x.grad, *(p.grad for p in network.parameters() if p.requires_grad)]
    values += [each for each in gradients if each is not None]
    assert {value.device.type for value in values} == {x.device.type}
    return [value.detach().cpu() for value in values]


@needs_accelerator
@pytest.mark.parametrize(
    "name", [name for name, entry in networks().items() if entry.recurrent]
)
def test_each_recurrent_network_on_an_accelerator_is_itself(name):
    network = networks()[name].build(3, 2)
    x = torch.randn(20, 5, 3)
    resets, times = torch.rand(20, 5) < 0.1, torch.rand(20, 5) + 0.5
    expected = through(network, x, resets, times)
    found = through(network, *(v.to(ACCELERATOR) for v in (x, resets, times)))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    made = networks()[name].build(3, 2, device=ACCELERATOR)
    tensors = [*made.parameters(), *made.buffers()]
    assert {tensor.device.type for tensor in tensors} == {ACCELERATOR.type}
