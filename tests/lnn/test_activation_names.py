"""A feed-forward network's activation, by name."""

import copy
import io
import pickle

import pytest
import torch
from torch.nn import functional

from velora.models import load_network, save_network
from velora.models.lnn import LiquidNCPNetwork, NCPNetwork
from velora.models.lnn.activation import ACTIVATIONS


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_network_computes_with_the_one_of_that_name(name):
    network = NCPNetwork(4, 20, 3, activation=name).double()
    x = torch.randn(5, 4, dtype=torch.float64)
    activate = torch.tanh if name == "tanh" else getattr(functional, name)

    def layer(module, x):
        return functional.linear(x, module.weight * module.mask, module.bias)

    expected = activate(layer(network.inter, x))
    expected = layer(network.motor, activate(layer(network.command, expected)))
    torch.testing.assert_close(network(x), expected)


def test_mish_is_the_default():
    assert NCPNetwork(4, 20, 3).activation == "mish"


@pytest.mark.parametrize("name", ["swish", "Tanh", "", None, torch.tanh, ["tanh"]])
def test_unknown_one_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="`activation` must be one of") as error:
        NCPNetwork(4, 20, 3, activation=name)
    assert all(known in str(error.value) for known in ACTIVATIONS)


def test_liquid_network_takes_none():
    with pytest.raises(TypeError, match="activation"):
        LiquidNCPNetwork(4, 20, 3, activation="tanh")


def copied(network, tmp_path):
    return copy.deepcopy(network)


def pickled(network, tmp_path):
    return pickle.loads(pickle.dumps(network))


def saved(network, tmp_path):
    path = tmp_path / "network.safetensors"
    save_network(network, path)
    return load_network(path)


@pytest.mark.parametrize("way", [copied, pickled, saved])
def test_it_survives(way, tmp_path):
    network = NCPNetwork(4, 20, 3, activation="relu", init_type="synaptic")
    again = way(network, tmp_path)
    x = torch.randn(5, 4)
    assert again.activation == "relu"
    assert torch.equal(again(x), network(x))


def test_network_pickled_before_there_were_others_has_mish():
    network = NCPNetwork(4, 20, 3)
    del network.__dict__["activation"]  # as it was
    again = pickle.loads(pickle.dumps(network))
    x = torch.randn(5, 4)
    assert torch.equal(again(x), network(x))
    again.load_state_dict(network.state_dict())


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("carry", [lambda state: state, through_a_file])
@pytest.mark.parametrize(("of", "into"), [("mish", "tanh"), ("tanh", "mish")])
def test_weights_for_another_one_are_refused(of, into, carry):
    state = carry(NCPNetwork(4, 20, 3, activation=of).state_dict())
    network = torch.nn.Sequential(NCPNetwork(4, 20, 3, activation=into))
    inside = type(state)((f"0.{key}", value) for key, value in state.items())
    inside._metadata = {f"0.{key}".strip("."): v for key, v in state._metadata.items()}
    for assign in (False, True):
        with pytest.raises(RuntimeError, match=f"`activation` must be '{of}'"):
            network.load_state_dict(inside, assign=assign)


def test_weights_of_an_older_version_are_for_mish():
    state = NCPNetwork(4, 20, 3).state_dict()
    for noted in state._metadata.values():
        noted.pop("activation", None)
    NCPNetwork(4, 20, 3).load_state_dict(state)
    with pytest.raises(RuntimeError, match="`activation` must be 'mish'"):
        NCPNetwork(4, 20, 3, activation="tanh").load_state_dict(state)


@pytest.mark.parametrize("assign", [False, True])
def test_plain_dict_says_nothing_and_is_taken(assign):
    state = dict(NCPNetwork(4, 20, 3, activation="tanh").state_dict())
    network = NCPNetwork(4, 20, 3)
    network.load_state_dict(state, assign=assign)
    assert torch.equal(network.motor.weight, state["motor.weight"])
