"""A network whose layers do more than their classes say is never fused."""

import copy

import pytest
import torch
from scans import F32, close


class Doubled(torch.nn.Module):
    def forward(self, weight):
        return 2 * weight


def hooked(network, layer):
    return layer.register_forward_hook(lambda module, x, y: 2 * y)


def hooked_before(network, layer):
    return layer.register_forward_pre_hook(lambda module, x: (2 * x[0],))


def hooked_backward(network, layer):
    return layer.register_full_backward_hook(
        lambda module, to_x, to_y: tuple(None if g is None else 2 * g for g in to_x)
    )


def parametrized(network, layer):
    torch.nn.utils.parametrize.register_parametrization(layer, "weight", Doubled())


def subclassed(network, layer):
    class Louder(type(layer)):
        def forward(self, x):
            return 2 * super().forward(x)

    layer.__class__ = Louder


def wrapped(network, layer):
    forward = layer.forward
    layer.forward = lambda x: 2 * forward(x)


CHANGES = [hooked, hooked_before, hooked_backward, parametrized, subclassed, wrapped]


@pytest.mark.parametrize("layer", ["inter", "motor", "command.proj"])
@pytest.mark.parametrize("change", CHANGES)
def test_changed_layer_is_never_bypassed(make_recurrent, fused_calls, change, layer):
    network = make_recurrent((3, 24, 2), F32)
    x, state = torch.randn(5, 3, 3, requires_grad=True), torch.randn(3, 9)
    plain = network.forward_sequence(x, state)[0]
    assert fused_calls["fused"] == 1
    change(network, network.get_submodule(layer))
    outputs, hidden = [], state
    for step in x:
        y, hidden = network(step, hidden)
        outputs.append(y)
    got = network.forward_sequence(x, state)[0]
    assert fused_calls["fused"] == 1
    close([got], [torch.stack(outputs)])
    close(*(torch.autograd.grad(y.sum(), x) for y in (got, torch.stack(outputs))))
    if change is not hooked_backward:
        assert not torch.allclose(got, plain)


def test_hook_on_all_modules_is_never_bypassed(make_recurrent, fused_calls):
    network, called = make_recurrent((3, 24, 2), F32), []
    register = torch.nn.modules.module.register_module_forward_hook
    with register(lambda module, x, y: called.append(module)):
        network.forward_sequence(torch.randn(5, 3, 3))
    cell = network.command
    assert called == [network.inter, *5 * (*cell.heads, cell), network.motor]
    assert not fused_calls


def test_parametrized_head_learns_through_its_parametrization(
    path, fused_calls, make_recurrent
):
    network = make_recurrent((3, 24, 2), path.dtype)
    x = torch.randn(5, 3, 3, dtype=path.dtype)
    double = copy.deepcopy(network)
    with torch.no_grad():
        double.command.proj.weight.mul_(2)
    parametrized(network, network.command.proj)
    got, expected = network.forward_sequence(x)[0], double.forward_sequence(x)[0]
    assert fused_calls["fused"] == 1  # the other's alone
    close([got], [expected])
    original = network.command.proj.parametrizations.weight.original
    close(
        torch.autograd.grad(got.sum(), original),
        [2 * torch.autograd.grad(expected.sum(), double.command.proj.weight)[0]],
    )


@pytest.mark.parametrize("prepare", ["autocast", "norm", "vmap", "bfloat16"])
def test_what_cannot_be_fused_is_not(fused_calls, make_recurrent, prepare):
    norm = torch.nn.LayerNorm if prepare == "norm" else None
    network, x = make_recurrent((3, 24, 2), F32, norm=norm), torch.randn(5, 3, 3)
    if prepare == "bfloat16":
        network, x = network.bfloat16(), x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=prepare == "autocast"):
        if prepare == "vmap":
            torch.vmap(network.forward_sequence)(torch.stack((x, x)))
        else:
            network.forward_sequence(x)
    assert not fused_calls
