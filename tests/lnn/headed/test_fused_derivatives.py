"""A whole network as one function: derivatives of derivatives, and of many at once."""

import pytest
import torch
from scans import close, drawn_sequence, in_double, second_derivatives
from torch.utils.checkpoint import checkpoint


@pytest.mark.parametrize("timespans", [None, 0.5, "(T, B)"])
def test_second_derivatives_of_fused_network_equal_the_reference(
    path, fused_calls, make_recurrent, reference, timespans
):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(
        network, path.dtype, timespans=timespans
    )
    double, parameters = in_double(network)
    slow = [tensor.detach().double().requires_grad_() for tensor in tensors]
    slow[2 : 2 + len(parameters)] = parameters
    t = slow[-1] if timespans == "(T, B)" else timespans

    def loss(outputs):
        return sum((output**3).mean() for output in outputs)

    got = second_derivatives(
        lambda: loss(network.forward_sequence(x, state, **options)), tensors
    )
    assert fused_calls["fused"] == 1
    expected = second_derivatives(
        lambda: loss(reference.sequence(double, *slow[:2], options["resets"], t)[:2]),
        slow,
    )
    close(got, expected)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoint_gives_the_same_gradients(path, make_recurrent, reentrant):
    network = make_recurrent((3, 24, 2), path.dtype)
    x = torch.randn(5, 4, 3, dtype=path.dtype, requires_grad=True)
    tensors = [x, *network.parameters()]

    def outputs(x):
        return network.forward_sequence(x)[0]

    expected = torch.autograd.grad(outputs(x).square().sum(), tensors)
    y = checkpoint(outputs, x, use_reentrant=reentrant)
    y.square().sum().backward()
    close([tensor.grad for tensor in tensors], expected)


@pytest.mark.parametrize("output", [0, 1])
def test_second_derivative_of_one_output_alone_is_right(path, make_recurrent, output):
    network = make_recurrent((3, 24, 2), path.dtype)
    x = torch.randn(5, 4, 3, dtype=path.dtype, requires_grad=True)

    def second(run):
        loss = run(x)[output].square().sum()
        (first,) = torch.autograd.grad(loss, x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)

    def steps(x):
        hidden, outputs = network.initial_state(4), []
        for row in x:
            y, hidden = network(row, hidden)
            outputs.append(y)
        return torch.stack(outputs), hidden

    close(second(network.forward_sequence), second(steps))


@pytest.mark.parametrize("output", [0, 1])
def test_batched_gradients_are_those_one_by_one(path, make_recurrent, output):
    network = make_recurrent((3, 24, 2), path.dtype)
    x = torch.randn(5, 4, 3, dtype=path.dtype, requires_grad=True)
    y = network.forward_sequence(x)[output]
    directions = torch.randn(6, *y.shape, dtype=path.dtype)
    (got,) = torch.autograd.grad(
        y, x, directions, is_grads_batched=True, retain_graph=True
    )
    one_by_one = [
        torch.autograd.grad(y, x, direction, retain_graph=True)[0]
        for direction in directions
    ]
    close(got, torch.stack(one_by_one))
