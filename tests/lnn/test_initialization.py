"""How weights start."""

import math

import pytest
import torch
from torch import nn

from velora.models.lnn import GatedLeakyCell, NCPLiquidCell, SparseLinear
from velora.models.lnn.initialization import initializer

INIT_TYPES = (
    "kaiming_uniform",
    "xavier",
    "orthogonal",
    "trunc_normal",
    "sonar",
    "zero",
    "synaptic",
)
F, O = 200, 100  # noqa: E741  # the contract's letters


def dense(init_type):
    return SparseLinear(F, O, torch.ones(O, F), init_type=init_type)


def test_kaiming_uniform_starts_as_a_linear_layer():
    torch.manual_seed(5)
    layer = dense("kaiming_uniform")
    torch.manual_seed(5)
    linear = nn.Linear(F, O)
    assert torch.equal(layer.weight, linear.weight)
    assert torch.equal(layer.bias, linear.bias)


def test_kaiming_uniform_is_the_default():
    torch.manual_seed(5)
    layer = SparseLinear(F, O, torch.ones(O, F))
    torch.manual_seed(5)
    assert torch.equal(layer.weight, dense("kaiming_uniform").weight)


def test_xavier_is_normal_with_the_mean_of_both_fans():
    weight = dense("xavier").weight.detach()
    std = math.sqrt(2 / (F + O))
    assert weight.std().item() == pytest.approx(std, rel=0.03)
    assert abs(weight.mean().item()) < 0.03 * std
    assert weight.abs().max() > 3 * std  # a uniform one of this spread ends at 1.73


def test_orthogonal_has_orthonormal_rows():
    weight = dense("orthogonal").weight.detach()
    torch.testing.assert_close(weight @ weight.T, torch.eye(O), rtol=0, atol=1e-5)


def test_trunc_normal_has_a_standard_deviation_of_a_thousandth():
    weight = dense("trunc_normal").weight.detach()
    assert weight.std().item() == pytest.approx(1e-3, rel=0.03)
    assert abs(weight.mean().item()) < 3e-5


def test_sonar_is_uniform_in_its_bound():
    weight = dense("sonar").weight.detach()
    bound = 0.006 * math.sqrt(3 / F)
    assert weight.abs().max() <= bound
    assert weight.max() > 0.99 * bound
    assert weight.min() < -0.99 * bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.03)


@pytest.mark.parametrize("k", [1, 4, 50, F])
def test_synaptic_has_the_variance_of_the_synapses_that_enter(k):
    mask = torch.zeros(2000, F)
    mask[:, :k] = 1
    layer = SparseLinear(F, 2000, mask, init_type="synaptic", gain=3.0)
    weight = layer.weight.detach()[:, :k]
    assert weight.std().item() == pytest.approx(3 / math.sqrt(k), rel=0.05)
    assert weight.abs().max() > 2.5 * 3 / math.sqrt(k)  # no uniform one
    assert not layer.bias.any()


def test_synaptic_counts_the_synapses_of_each_neuron():
    mask = torch.zeros(2, F)
    mask[0, :2], mask[1, :] = 1, 1
    weight = torch.stack(
        [SparseLinear(F, 2, mask, init_type="synaptic").weight for _ in range(200)]
    )
    assert weight[:, 0, :2].std().item() == pytest.approx(math.sqrt(1 / 2), rel=0.15)
    assert weight[:, 1].std().item() == pytest.approx(math.sqrt(1 / F), rel=0.05)


def test_synaptic_neuron_without_synapses_stays_at_zero():
    layer = SparseLinear(3, 2, torch.zeros(2, 3), init_type="synaptic")
    assert not layer.weight.any()


def test_synaptic_needs_a_mask():
    with pytest.raises(ValueError, match="'synaptic' must have a mask"):
        initializer("synaptic")(torch.empty(2, 3), None)


@pytest.mark.parametrize("init_type", INIT_TYPES)
def test_gain_multiplies_the_weights_alone(init_type):
    layers = []
    for gain in (1.0, 0.25):
        torch.manual_seed(5)
        layers.append(
            SparseLinear(F, O, torch.ones(O, F), init_type=init_type, gain=gain)
        )
    plain, quarter = layers
    torch.testing.assert_close(quarter.weight, plain.weight * 0.25)
    assert torch.equal(quarter.bias, plain.bias)
    torch.manual_seed(5)
    plain.reset_parameters(gain=0.25)
    assert torch.equal(quarter.weight, plain.weight)


def test_gain_of_a_network_may_differ_by_layer(network_type):
    networks = []
    for gain in (1.0, {"command": 4.0, "motor": 0.0}):
        torch.manual_seed(5)
        networks.append(network_type(4, 20, 3, gain=gain))
    plain, other = (dict(network.named_parameters()) for network in networks)
    for name, weight in plain.items():
        if name.endswith("weight"):
            factor = {"inter": 1, "command": 4, "motor": 0}[name.split(".")[0]]
            torch.testing.assert_close(other[name], weight * factor)


@pytest.mark.parametrize(
    ("gain", "error"),
    [
        (-1, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        ("1", TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
)
def test_gain_that_is_none_is_refused(network_type, gain, error):
    layer = dense("xavier")
    before = layer.weight.detach().clone()
    for call in (
        lambda: SparseLinear(3, 2, torch.ones(2, 3), gain=gain),
        lambda: NCPLiquidCell(3, 2, torch.ones(3, 2), gain=gain),
        lambda: network_type(3, 10, 2, gain=gain),
        lambda: network_type(3, 10, 2, gain={"motor": gain}),
        lambda: layer.reset_parameters(gain=gain),
    ):
        with pytest.raises(error, match="`gain` must be"):
            call()
    assert torch.equal(layer.weight, before)


def test_gain_of_no_layer_is_refused(network_type):
    with pytest.raises(
        ValueError, match=r"`gain` must be .* got one for \['sensory'\]"
    ):
        network_type(3, 10, 2, gain={"sensory": 2.0})


def test_zero_is_zero():
    layer = dense("zero")
    assert not layer.weight.any()
    assert not layer.bias.any()


@pytest.mark.parametrize("init_type", INIT_TYPES)
def test_weights_start_masked_and_finite(init_type, signed_mask):
    mask = signed_mask(7, 9).abs()
    layer = SparseLinear(9, 7, mask, init_type=init_type)
    assert not layer.weight[mask == 0].any()
    assert layer.weight[mask != 0].any() == (init_type != "zero")
    assert all(parameter.isfinite().all() for parameter in layer.parameters())
    assert all(parameter.requires_grad for parameter in layer.parameters())


@pytest.mark.parametrize("init_type", INIT_TYPES)
def test_reset_parameters_draws_anew_and_stays_masked(init_type, signed_mask):
    mask = signed_mask(7, 9).abs()
    layer = SparseLinear(9, 7, mask)
    weight = layer.weight
    nn.init.constant_(weight, 3)
    layer.reset_parameters(init_type)
    assert layer.weight is weight
    assert not (weight == 3).any()
    assert not weight[mask == 0].any()
    torch.manual_seed(5)
    layer.reset_parameters(init_type)
    torch.manual_seed(5)
    assert torch.equal(SparseLinear(9, 7, mask, init_type=init_type).weight, weight)


@pytest.mark.parametrize("init_type", INIT_TYPES)
def test_networks_and_cells_hand_the_type_on(init_type, network_type, signed_mask):
    for module in (
        network_type(4, 20, 3, init_type=init_type),
        NCPLiquidCell(4, 5, signed_mask(4, 5), init_type=init_type),
        GatedLeakyCell(4, 5, signed_mask(4, 5), init_type=init_type),
    ):
        layers = [part for part in module.modules() if isinstance(part, SparseLinear)]
        assert layers
        for layer in layers:
            largest = layer.weight.abs().max().item()
            if init_type == "zero":
                assert largest == 0
            elif init_type in ("sonar", "trunc_normal"):
                assert 0 < largest < 0.015
            else:
                assert largest > 0.015


@pytest.mark.parametrize("init_type", ["he", "", "Zero", None, 3, ["zero"]])
def test_unknown_type_is_refused_with_the_known_ones(network_type, init_type):
    for make in (
        lambda: SparseLinear(3, 2, torch.ones(2, 3), init_type=init_type),
        lambda: NCPLiquidCell(3, 2, torch.ones(3, 2), init_type=init_type),
        lambda: GatedLeakyCell(3, 2, torch.ones(3, 2), init_type=init_type),
        lambda: network_type(3, 10, 2, init_type=init_type),
    ):
        with pytest.raises(ValueError, match="init_type") as error:
            make()
        assert all(name in str(error.value) for name in INIT_TYPES)
        assert repr(init_type) in str(error.value)


def test_reset_with_an_unknown_type_changes_nothing():
    layer = dense("xavier")
    before = layer.weight.detach().clone()
    with pytest.raises(ValueError, match="init_type"):
        layer.reset_parameters("he")
    assert torch.equal(layer.weight, before)
    layer.reset_parameters()
    assert not torch.equal(layer.weight, before)


def test_same_seed_gives_the_same_network(network_type):
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(network_type(4, 20, 3).state_dict())
    first, same, other = states
    for name, value in first.items():
        assert torch.equal(same[name], value), name
    assert not torch.equal(other["inter.weight"], first["inter.weight"])
    assert not torch.equal(other["inter.mask"], first["inter.mask"])
