"""A whole network as one function: values and gradients."""

import itertools

import pytest
import torch
from scans import LAYOUTS, close, drawn_sequence, gradients_of, in_double


@pytest.mark.parametrize("timespans", [None, 1, 0.5, "(T,)", "(T, B)"])
@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 1), (4, 5), (9, 6), (65, 17)])
def test_fused_network_equals_the_reference(
    path, fused_calls, make_recurrent, reference, sizes, resets, timespans
):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(
        network, path.dtype, timespans=timespans, resets=resets, sizes=sizes
    )
    got = network.forward_sequence(x, state, **options, return_states=True)
    weights = [torch.randn_like(output) for output in got]
    gradients = gradients_of(got, weights, tensors)
    assert fused_calls["fused"] == 1
    double, parameters = in_double(network)
    x, state = (z.detach().double().requires_grad_() for z in (x, state))
    slow, t = [x, state, *parameters], options["timespans"]
    if isinstance(t, torch.Tensor):
        t = t.detach().double().requires_grad_()
        slow.append(t)
    expected = reference.sequence(double, x, state, options["resets"], t)
    weights = [weight.double() for weight in weights]
    close(got, expected)
    close(gradients, gradients_of(expected, weights, slow))


@pytest.mark.parametrize("used", ["y", "state", "states", "y states", "y y"])
def test_fused_gradient_is_right_whatever_is_used(
    path, fused_calls, make_recurrent, used
):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(network, path.dtype, timespans="(T, B)")

    def gradients():
        names = ("y", "state", "states")
        outputs = network.forward_sequence(x, state, **options, return_states=True)
        outputs = dict(zip(names, outputs, strict=True))
        loss = sum((outputs[name] ** 2).sum() for name in used.split())
        return torch.autograd.grad(loss, tensors, materialize_grads=True)

    got = gradients()
    with torch.nn.modules.module.register_module_forward_hook(lambda *_: None):
        expected = gradients()
    assert fused_calls["fused"] == 1
    close(got, expected)


@pytest.mark.parametrize("wanted", ["x", "state", "motor", "inter", "head", "bias"])
def test_fused_network_gives_gradients_to_what_needs_them(
    path, fused_calls, make_recurrent, wanted
):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, _ = drawn_sequence(network, path.dtype)
    tensors = {"x": x, "state": state, **dict(network.named_parameters())}

    def loss():
        y, last = network.forward_sequence(x, state, **options)
        return (y**2).sum() + last.sum()

    whole = torch.autograd.grad(loss(), list(tensors.values()))
    for name, tensor in tensors.items():
        tensor.requires_grad_(wanted in name)
    loss().backward()
    assert fused_calls["fused"] == 2
    assert any(tensor.requires_grad for tensor in tensors.values())
    for tensor, expected in zip(tensors.values(), whole, strict=True):
        assert (tensor.grad is None) != tensor.requires_grad
        if tensor.requires_grad:
            close([tensor.grad], [expected])


def test_fused_network_ignores_masked_weights(path, fused_calls, make_recurrent):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, _ = drawn_sequence(network, path.dtype)
    before = network.forward_sequence(x, state, **options)
    layers = network.inter, network.motor, *network.command.heads
    for layer, sign in zip(layers, itertools.cycle((1, -1))):
        masked = layer.mask == 0
        assert masked.any()
        layer.weight.data[masked] = sign * torch.finfo(path.dtype).max
    after = network.forward_sequence(x, state, **options)
    assert fused_calls["fused"] == 2
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    sum(output.sum() for output in after).backward()
    for layer in layers:
        assert not layer.weight.grad[layer.mask == 0].any()
        assert layer.weight.grad[layer.mask != 0].all()


def test_fused_gradients_of_heads_can_be_changed_one_by_one(path, make_recurrent):
    network = make_recurrent((3, 24, 2), path.dtype)
    network.forward_sequence(torch.randn(5, 3, 3, dtype=path.dtype))[0].sum().backward()
    gradients = [p.grad for p in network.parameters()]
    kept = [gradient.clone() for gradient in gradients]
    for index, gradient in enumerate(gradients):
        gradient.fill_(index)
        kept[index].fill_(index)
        assert all(torch.equal(*pair) for pair in zip(gradients, kept, strict=True))


def test_weights_changed_after_a_fused_forward_leave_its_gradients(
    path, make_recurrent
):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(network, path.dtype)
    y, _ = network.forward_sequence(x, state, **options)
    wanted = tensors[:1] + tensors[2:]
    expected = torch.autograd.grad(y.sum(), wanted, retain_graph=True)
    of_x = torch.autograd.grad(y.sum(), x, retain_graph=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    got = torch.autograd.grad(y.sum(), wanted, retain_graph=True)
    close(torch.autograd.grad(y.sum(), x, retain_graph=True), of_x)
    close(got, expected)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*again"):
        torch.autograd.grad(y.sum(), tensors[2:], create_graph=True)
    with torch.no_grad():
        x.mul_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_fused_backward_twice_gives_the_same_gradients(path, make_recurrent):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, tensors = drawn_sequence(network, path.dtype, timespans="(T, B)")
    outputs = network.forward_sequence(x, state, **options)
    kept = [output.detach().clone() for output in outputs]
    loss = sum((output**2).sum() for output in outputs)
    first = torch.autograd.grad(loss, tensors, retain_graph=True)
    again = torch.autograd.grad(loss, tensors)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert all(torch.equal(*pair) for pair in zip(outputs, kept, strict=True))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fused_network_takes_any_layout_in_memory(path, make_recurrent, layout):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, _ = drawn_sequence(network, path.dtype)
    apart = LAYOUTS[layout](x)
    results = []
    for placed in (x, apart):
        y, _ = network.forward_sequence(placed, state, **options)
        results.append((y, *torch.autograd.grad(y.square().sum(), [x, state])))
    close(*results)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_fused_network_without_gradients_gives_the_same(path, make_recurrent, mode):
    network = make_recurrent((3, 24, 2), path.dtype)
    x, state, options, _ = drawn_sequence(network, path.dtype)
    expected = network.forward_sequence(x, state, **options)
    with mode():
        got = network.forward_sequence(x, state, **options)
    assert all(torch.equal(*pair) for pair in zip(got, expected, strict=True))


def test_outputs_may_be_changed_in_place(path, make_recurrent):
    network = make_recurrent((3, 24, 2), path.dtype)
    x = torch.randn(5, 4, 3, dtype=path.dtype, requires_grad=True)
    expected = torch.autograd.grad((2 * network.forward_sequence(x)[0]).sum(), x)
    y, _ = network.forward_sequence(x)
    y.mul_(2)
    close(torch.autograd.grad(y.sum(), x), expected)
