"""What networks of cells in all modes are after they were copied or changed."""

import copy
import pickle

import pytest
import torch
from closed_forms import NETWORKS, OUT, F, H, N
from scans import close

from velora.models import load_network, save_network
from velora.models.builders import build_cfc, build_cfc_layers, build_ltc
from velora.models.lnn.cfc_modes.cell import CfCCell

each_network = pytest.mark.parametrize("name", NETWORKS)
FILES = {
    "cfc": (build_cfc, {"n_neurons": H, "mode": "no_gate", "backbone_layers": 2}),
    "cfc-layers": (build_cfc_layers, {"n_neurons": N, "mode": "pure"}),
    "ltc": (build_ltc, {"n_neurons": N}),
}


@each_network
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copies_compute_the_same_and_are_apart(name, copied):
    network = NETWORKS[name]()
    x = torch.randn(4, 3, F)
    expected = network.forward_sequence(x)[0]
    twin = copied(network)
    assert torch.equal(twin.forward_sequence(x)[0], expected)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(0.1)
    assert not torch.equal(twin.forward_sequence(x)[0], expected)
    assert torch.equal(network.forward_sequence(x)[0], expected)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mixed", [False, True])
def test_a_file_holds_it(tmp_path, name, mixed):
    build, options = FILES[name]
    options = options | {"mixed_memory": mixed}
    network = build(F, OUT, **options)
    path = tmp_path / "network.safetensors"
    save_network(network, path, name=name, options=options)
    twin = load_network(path)
    assert type(twin) is type(network)
    x, times = torch.randn(4, 3, F), torch.rand(4, 3)
    expected = network.forward_sequence(x, timespans=times)
    for got, wanted in zip(
        twin.forward_sequence(x, timespans=times), expected, strict=True
    ):
        assert torch.equal(got, wanted)


@each_network
def test_a_hooked_cell_is_called_at_each_step(name):
    network = NETWORKS[name]()
    x, times = torch.randn(4, 3, F), torch.rand(4, 3)
    expected = network.forward_sequence(x, timespans=times)
    cells = [part for part in network.modules() if isinstance(part, CfCCell)]
    seen = []
    for cell in cells:
        cell.register_forward_hook(lambda *args: seen.append(args[2]))
    close(network.forward_sequence(x, timespans=times), expected)
    assert len(seen) == 4 * len(cells)


@each_network
def test_frozen_step_is_the_step_and_does_not_follow(name):
    network = NETWORKS[name]()
    step = network.frozen_step()
    x, state = torch.randn(5, F), torch.randn(5, network.hidden_size)
    cases = [(x,), (x, state), (x, state, 2.5), (x, state, torch.rand(5))]
    expected = [network(*case) for case in cases]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    for case, wanted in zip(cases, expected, strict=True):
        got = step(*case)
        close(got, wanted)
        assert not any(tensor.requires_grad for tensor in got)
        assert not torch.equal(got[1], network(*case)[1])
