"""torch.func: networks as functions of their parameters."""

import copy

import pytest
import torch
from torch.func import functional_call, grad, jacrev, jvp, stack_module_state, vmap


@pytest.fixture
def x():
    return torch.randn(5, 3, dtype=torch.float64)


@pytest.fixture
def network(make_network, network_type):
    return make_network(network_type)


def parameters(network):
    return {name: value.detach() for name, value in network.named_parameters()}


def test_functional_call_uses_the_given_parameters(
    make_network, network_type, x, outputs_of
):
    network = make_network(network_type)
    other = make_network(network_type)
    for name, buffer in other.named_buffers():
        buffer.copy_(network.get_buffer(name))
    got = outputs_of(lambda x: functional_call(network, parameters(other), (x,)), x)
    for ours, theirs in zip(got, outputs_of(other, x), strict=True):
        assert torch.equal(ours, theirs)


def test_functional_call_uses_the_given_masks(
    make_network, network_type, x, outputs_of
):
    network, other = make_network(network_type), make_network(network_type)
    assert network.masks != other.masks
    state = {**dict(other.named_parameters()), **dict(other.named_buffers())}
    got = outputs_of(lambda x: functional_call(network, state, (x,)), x)
    for ours, theirs in zip(got, outputs_of(other, x), strict=True):
        assert torch.equal(ours, theirs)


def test_functional_call_leaves_the_network_as_it_was(network, x, outputs_of):
    before = copy.deepcopy(network)
    zeros = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    functional_call(network, zeros, (x,))
    for ours, theirs in zip(outputs_of(network, x), outputs_of(before, x), strict=True):
        assert torch.equal(ours, theirs)
    assert network.masks == before.masks


def test_grad_equals_backward(network, x, outputs_of):
    def loss(values):
        return outputs_of(lambda x: functional_call(network, values, (x,)), x)[0].sum()

    gradients = grad(loss)(parameters(network))
    outputs_of(network, x)[0].sum().backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad)


def test_vmap_runs_a_stack_of_networks_with_wirings_of_their_own(
    make_network, network_type, x, outputs_of
):
    networks = [make_network(network_type) for _ in range(3)]
    stacked, buffers = stack_module_state(networks)
    base = copy.deepcopy(networks[0]).to("meta")

    def one(values, masks):
        return outputs_of(lambda x: functional_call(base, (values, masks), (x,)), x)

    got = vmap(one)(stacked, buffers)
    for index, network in enumerate(networks):
        for ours, theirs in zip(got, outputs_of(network, x), strict=True):
            torch.testing.assert_close(ours[index], theirs)


def test_vmap_runs_a_stack_of_masks_on_one_set_of_weights(
    make_network, network_type, x, outputs_of
):
    network, other = make_network(network_type), make_network(network_type)
    names = [name for name, _ in network.named_buffers()]
    stacked = {
        name: torch.stack((network.get_buffer(name), other.get_buffer(name)))
        for name in names
    }
    got = vmap(
        lambda masks: outputs_of(lambda x: functional_call(network, masks, (x,)), x)
    )(stacked)
    expected = [outputs_of(network, x)]
    for name in names:
        network.get_buffer(name).copy_(other.get_buffer(name))
    expected.append(outputs_of(network, x))
    for index in range(2):
        for ours, theirs in zip(got, expected[index], strict=True):
            torch.testing.assert_close(ours[index], theirs)


def test_vmap_gives_a_gradient_for_each_sample(network, x, outputs_of):
    def loss(values, row):
        row = row[None]
        return outputs_of(lambda x: functional_call(network, values, (x,)), row)[
            0
        ].sum()

    gradients = vmap(grad(loss), in_dims=(None, 0))(parameters(network), x)
    for index in range(len(x)):
        network.zero_grad()
        outputs_of(network, x[index : index + 1])[0].sum().backward()
        for name, parameter in network.named_parameters():
            torch.testing.assert_close(gradients[name][index], parameter.grad)


def test_jacrev_equals_backward_row_by_row(network, x, outputs_of):
    row = x[:1]
    jacobian = jacrev(lambda x: outputs_of(network, x)[0])(row)
    assert jacobian.shape == (2, 1, 3)
    for output in range(2):
        leaf = row.clone().requires_grad_()
        outputs_of(network, leaf)[0][output].backward()
        torch.testing.assert_close(jacobian[output], leaf.grad)


# PyTorch loads its forward-mode rules through its own deprecated torch.jit.script.
@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
def test_jvp_equals_the_jacobian_times_the_direction(network, x, outputs_of):
    direction = torch.randn_like(x)
    _, forward_mode = jvp(lambda x: outputs_of(network, x)[0], (x,), (direction,))
    jacobian = jacrev(lambda x: outputs_of(network, x)[0])(x)
    expected = torch.einsum("iojk,jk->io", jacobian, direction)
    torch.testing.assert_close(forward_mode, expected)


def test_vmap_runs_sequences_of_a_stack_of_parameters(make_recurrent):
    networks = [make_recurrent(), make_recurrent()]
    networks[1].load_state_dict(
        {
            **networks[1].state_dict(),
            **{key: v for key, v in networks[0].state_dict().items() if "mask" in key},
        }
    )
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    resets, t = torch.rand(4, 2) < 0.4, torch.rand(4, 2).double()

    class Sequence(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network.forward_sequence(x, resets=resets, timespans=t)

    wrapped = [Sequence(network) for network in networks]
    stacked, _ = stack_module_state(wrapped)
    got = vmap(lambda values: functional_call(wrapped[0], values, (x,)))(stacked)
    for index, sequence in enumerate(wrapped):
        for ours, theirs in zip(got, sequence(x), strict=True):
            torch.testing.assert_close(ours[index], theirs)


def test_vmap_over_environments_equals_a_batch(make_recurrent, x):
    network = make_recurrent()
    hidden = torch.randn(5, 4, dtype=torch.float64)
    y, state = vmap(lambda x, h: network(x[None], h[None]))(x, hidden)
    expected_y, expected_state = network(x, hidden)
    torch.testing.assert_close(y, expected_y)
    torch.testing.assert_close(state[:, 0], expected_state)
