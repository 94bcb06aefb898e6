"""A normalisation stands before each layer of a network."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from velora.models import NCPNetwork
from velora.plugins import networks


def test_network_has_none_unless_asked(network_type):
    network = network_type(3, 10, 2)
    assert network.norms is None
    assert not [key for key in network.state_dict() if "norm" in key]


def test_each_layer_is_normalised_by_its_inputs(network_type):
    network = network_type(3, 10, 2, norm=nn.LayerNorm).double()
    sizes = {name: norm.normalized_shape for name, norm in network.norms.items()}
    counts = network.counts
    assert sizes == {
        "inter": (counts.sensory,),
        "command": (counts.inter,),
        "motor": (counts.command,),
    }
    x = torch.randn(5, 3, dtype=torch.float64)
    inter = functional.mish(network.inter(network.norms["inter"](x)))
    inter = network.norms["command"](inter)
    if network_type is NCPNetwork:
        read = functional.mish(network.command(inter))
    else:
        command = network.command(inter, inter.new_zeros(5, counts.command))[0]
        read = functional.mish(command)
    expected = network.motor(network.norms["motor"](read))
    y = network(x)
    torch.testing.assert_close(y[0] if isinstance(y, tuple) else y, expected)


def test_sequence_equals_steps_with_a_norm_of_each_row(recurrent_type):
    network = recurrent_type(3, 10, 2, norm=nn.LayerNorm).double()
    x, state, outputs = torch.randn(4, 5, 3, dtype=torch.float64), None, []
    for step in x:
        y, state = network(step, state)
        outputs.append(y)
    y, last = network.forward_sequence(x)
    torch.testing.assert_close(y, torch.stack(outputs))
    torch.testing.assert_close(last, state)


def test_statistics_of_a_batch_are_those_of_all_its_steps(recurrent_type):
    network = recurrent_type(3, 10, 2, norm=nn.BatchNorm1d)
    x = torch.randn(4, 5, 3)
    network.forward_sequence(x)
    norm = network.norms["inter"]
    torch.testing.assert_close(norm.running_mean, 0.1 * x.mean(dim=(0, 1)))


def test_norms_are_made_saved_and_moved_with_the_network(network_type):
    network = network_type(3, 10, 2, norm=nn.BatchNorm1d, device="meta")
    assert {value.device.type for value in network.state_dict().values()} == {"meta"}
    network, other = (network_type(3, 10, 2, norm=nn.BatchNorm1d) for _ in range(2))
    network(torch.randn(8, 3))
    other.load_state_dict(network.state_dict())
    assert torch.equal(
        other.norms["motor"].running_var, network.norms["motor"].running_var
    )


@pytest.mark.parametrize("name", ["ncp", "liquid", "gated-leaky"])
def test_registered_builders_take_a_norm(name):
    network = networks()[name].build(3, 2, norm=nn.LayerNorm)
    assert isinstance(network.norms["inter"], nn.LayerNorm)


@pytest.mark.parametrize("norm", ["layer", nn.LayerNorm(3), lambda size: None])
def test_norm_that_makes_no_module_is_refused(network_type, norm):
    with pytest.raises(TypeError, match="`norm` must"):
        network_type(3, 10, 2, norm=norm)


def test_frozen_step_of_a_network_that_normalises_is_refused(recurrent_type):
    with pytest.raises(ValueError, match=r"without `norm`.*LayerNorm"):
        recurrent_type(3, 10, 2, norm=nn.LayerNorm).frozen_step()
