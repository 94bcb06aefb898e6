"""Networks: one step, their attributes, their errors."""

import pytest
import torch

from velora.models import GatedLeakyNCPNetwork, LiquidNCPNetwork, NCPNetwork
from velora.models.lnn import GatedLeakyCell, NCPLiquidCell, SparseLinear
from velora.models.lnn.ncp import LiquidNCPNetwork as LiquidPath
from velora.models.lnn.ncp import NCPNetwork as NCPPath
from velora.wiring import NeuronCounts, Wiring

SIZES = [(1, 2, 1), (3, 10, 2), (65, 63, 1), (2, 65, 63)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch", [1, 3, 4, 65])
def test_ncp_equals_the_reference(
    make_network, reference, assert_same, sizes, batch, dtype
):
    network = make_network(NCPNetwork, sizes, dtype)
    x = torch.randn(batch, sizes[0], dtype=dtype, requires_grad=True)
    assert_same(
        lambda: (network(x).reshape(batch, sizes[2]),),
        lambda: (reference.ncp(network, x),),
        [x, *network.parameters()],
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch", [1, 3, 4, 26])
def test_recurrent_equals_the_reference(
    make_recurrent, reference, assert_same, sizes, batch, dtype
):
    network = make_recurrent(sizes, dtype)
    x = torch.randn(batch, sizes[0], dtype=dtype, requires_grad=True)
    hidden = torch.randn(batch, network.hidden_size, dtype=dtype, requires_grad=True)

    def fast():
        y, state = network(x, hidden)
        return y.reshape(batch, sizes[2]), state

    assert_same(
        fast,
        lambda: reference.recurrent(network, x, hidden),
        [x, hidden, *network.parameters()],
    )


def test_no_state_is_a_state_of_zeros(make_recurrent):
    network = make_recurrent()
    x = torch.randn(5, 3, dtype=torch.float64)
    state = network.initial_state(5)
    assert state.shape == (5, network.hidden_size)
    assert state.dtype == torch.float64
    assert not state.any()
    torch.testing.assert_close(network(x), network(x, state))


def test_state_goes_in_and_comes_out_and_none_is_kept(make_recurrent):
    network = make_recurrent()
    x = torch.randn(5, 3, dtype=torch.float64)
    first, state = network(x)
    second, _ = network(x, state)
    assert not torch.allclose(first, second)
    again, _ = network(x)
    assert torch.equal(again, first)
    kept = state.clone()
    network(x, state)
    assert torch.equal(state, kept)


@pytest.mark.parametrize("n_outputs", [1, 4])
def test_one_row_loses_its_batch_dimension(make_network, network_type, n_outputs):
    network = make_network(network_type, (3, 10, n_outputs))
    x = torch.randn(5, 3, dtype=torch.float64)
    many, one, none = network(x), network(x[:1]), network(x[:0])
    if network_type is not NCPNetwork:
        assert one[1].shape == (1, network.hidden_size)
        torch.testing.assert_close(one[1], many[1][:1])
        many, one, none = many[0], one[0], none[0]
    assert many.shape == (5, n_outputs)
    assert one.shape == (n_outputs,)
    assert none.shape == (0, n_outputs)


def test_rows_do_not_hear_each_other(make_network, network_type, outputs_of):
    network = make_network(network_type)
    x = torch.randn(5, 3, dtype=torch.float64)
    together = outputs_of(network, x)
    for row in range(5):
        alone = outputs_of(network, x[row : row + 1])
        torch.testing.assert_close(alone[0], together[0][row])
        if len(alone) == 2:
            torch.testing.assert_close(alone[1][0], together[1][row])


def test_attributes_are_there(network_type):
    network = network_type(3, 10, 2)
    assert (network.in_features, network.n_neurons) == (3, 10)
    assert (network.out_features, network.n_units) == (2, 12)
    assert network.counts == NeuronCounts(sensory=3, inter=6, command=4, motor=2)
    assert network.device == torch.device("cpu")
    assert isinstance(network.wiring, Wiring)
    assert network.wiring.counts == network.counts
    assert network.wiring.masks == network.masks
    if network_type is not NCPNetwork:
        assert network.hidden_size == 4


def test_public_paths_lead_to_the_same_classes():
    assert LiquidPath is LiquidNCPNetwork
    assert NCPPath is NCPNetwork


def test_layers_are_those_of_the_contract(network_type):
    network = network_type(3, 10, 2)
    command = {
        NCPNetwork: SparseLinear,
        LiquidNCPNetwork: NCPLiquidCell,
        GatedLeakyNCPNetwork: GatedLeakyCell,
    }[network_type]
    assert isinstance(network.inter, SparseLinear)
    assert isinstance(network.command, command)
    assert isinstance(network.motor, SparseLinear)
    assert {name.split(".")[0] for name in network.state_dict()} == {
        "inter",
        "command",
        "motor",
    }


def test_masks_are_those_of_the_wiring_drawn(network_type):
    torch.manual_seed(3)
    network = network_type(5, 30, 4, sparsity_level=0.7)
    torch.manual_seed(3)
    drawn = Wiring(5, 30, 4, sparsity_level=0.7).masks
    for name in ("inter", "command", "motor"):
        shown = getattr(network.masks, name)
        assert shown.dtype == torch.int32
        assert torch.equal(shown.abs(), getattr(drawn, name).abs())
    assert network.wiring.sparsity_level == 0.7


def test_recurrence_shown_is_the_one_computed(network_type):
    recurrent = network_type(3, 10, 2).masks.recurrent
    if network_type is NCPNetwork:
        assert recurrent is None
    else:
        assert torch.equal(recurrent.abs(), torch.ones(4, 4, dtype=torch.int32))


def test_wiring_shown_survives_a_round_trip(network_type):
    wiring = network_type(3, 10, 2).wiring
    assert Wiring.from_dict(wiring.to_dict()) == wiring


def test_parameters_are_counted(network_type):
    network = network_type(3, 10, 2)
    layers = [part for part in network.modules() if isinstance(part, SparseLinear)]
    assert network.total_params == sum(p.numel() for p in network.parameters())
    assert network.active_params == sum(
        int((layer.mask != 0).sum()) + layer.bias.numel() for layer in layers
    )
    assert network.active_params < network.total_params
    for parameter in network.motor.parameters():
        parameter.requires_grad_(False)
    assert network.total_params == sum(
        p.numel() for p in network.parameters() if p.requires_grad
    )


@pytest.mark.parametrize("shape", [(3,), (), (2, 5, 3), (1, 1, 5, 3)])
def test_another_dimensionality_is_refused(make_network, network_type, shape):
    network = make_network(network_type)
    with pytest.raises(ValueError, match="Unsupported dimensionality") as error:
        network(torch.ones(shape).double())
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("shape", [(5, 2), (5, 1), (1, 4), (3, 5), (5, 0)])
def test_a_wrong_feature_size_is_refused(make_network, network_type, shape):
    network = make_network(network_type)
    with pytest.raises(ValueError, match=r"in_features.*3.*got") as error:
        network(torch.ones(shape).double())
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("shape", [(1, 4), (4, 4), (5, 1), (5, 5), (4,), (1, 5, 4)])
def test_a_wrong_state_is_refused(make_recurrent, shape):
    network = make_recurrent()
    with pytest.raises(ValueError, match=r"state.*\(5, 4\)") as error:
        network(torch.ones(5, 3).double(), torch.ones(shape).double())
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("in_features", 0),
        ("n_neurons", 1),
        ("out_features", -1),
        ("in_features", 2.0),
        ("n_neurons", "10"),
        ("out_features", True),
        ("sparsity_level", 0.95),
        ("sparsity_level", float("nan")),
        ("sparsity_level", "0.5"),
    ],
)
def test_bad_arguments_are_named(network_type, name, value):
    arguments = {"in_features": 3, "n_neurons": 10, "out_features": 2, name: value}
    with pytest.raises((ValueError, TypeError), match=name):
        network_type(**arguments)


def test_options_are_keyword_only(network_type):
    with pytest.raises(TypeError):
        network_type(3, 10, 2, 0.5)
