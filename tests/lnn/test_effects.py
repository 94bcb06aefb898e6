"""effects: what each synapse does near rest, as numbers."""

import pytest
import torch
from torch.func import jacrev

from velora.models.lnn import NCPNetwork
from velora.wiring import LayerEffects, draw


def test_effects_of_sparse_layers_are_their_weights(make_network, network_type):
    network = make_network(network_type, (3, 20, 2))
    for name in ("inter", "motor"):
        layer = getattr(network, name)
        assert torch.equal(
            getattr(network.effects, name), (layer.weight * layer.mask).T
        )


def test_command_effects_of_a_sparse_network_are_its_weights(make_network):
    network = make_network(NCPNetwork)
    layer = network.command
    assert torch.equal(network.effects.command, (layer.weight * layer.mask).T)
    assert network.effects.recurrent is None


def test_command_effects_of_a_liquid_network_are_its_jacobian(
    make_recurrent, reference
):
    network = make_recurrent()

    def output(x, hidden):
        return reference.cell(network.command, x[None], hidden[None])[0][0]

    zeros = torch.zeros(6).double(), torch.zeros(4).double()
    from_inter, from_state = jacrev(output, argnums=(0, 1))(*zeros)
    effects = network.effects
    torch.testing.assert_close(effects.command, from_inter.T, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(effects.recurrent, from_state.T, rtol=1e-10, atol=1e-12)


def test_signs_are_those_of_the_synapses(make_network, network_type):
    network = make_network(network_type)
    synapses = dict(network.synapses.items())
    assert [name for name, _ in network.effects.items()] == list(synapses)
    for name, effect in network.effects.items():
        assert torch.equal(effect.sign().int(), synapses[name])


def test_a_masked_weight_has_no_effect_whatever_it_is(make_network, network_type):
    network = make_network(network_type, (3, 20, 2))
    before = network.effects
    layer = network.motor
    assert not layer.mask.all()
    layer.weight.data[~layer.mask] = float("nan")
    assert network.effects == before


def test_effects_hold_no_gradient_and_are_no_views(make_network, network_type):
    network = make_network(network_type)
    weights = [parameter.detach().clone() for parameter in network.parameters()]
    for _, effect in network.effects.items():
        assert not effect.requires_grad
        effect.fill_(7)
    for parameter, weight in zip(network.parameters(), weights, strict=True):
        assert torch.equal(parameter, weight)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_effects_are_shown_in_evaluation_too(make_network, network_type, mode):
    network = make_network(network_type)
    expected = network.effects
    with mode():
        assert network.effects == expected


def test_effects_are_no_masks(make_network, network_type):
    network = make_network(network_type)
    effects = network.effects
    assert isinstance(effects, LayerEffects)
    assert repr(effects).startswith("LayerEffects(inter=")
    assert effects != network.masks


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_effects_can_be_drawn_and_the_network_is_as_before(
    make_network, network_type, dtype, tmp_path
):
    network = make_network(network_type, (3, 20, 2), dtype=dtype)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    draw(network.effects, tmp_path / "network.png", highlight=1)
    assert (tmp_path / "network.png").stat().st_size > 10_000
    after = network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())
