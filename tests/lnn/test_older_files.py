"""Networks that older versions saved compute what they did: see `older/make.py`."""

import importlib.util
from pathlib import Path

import pytest
import torch

from velora.models import load_network

OLDER = Path(__file__).with_name("older")
spec = importlib.util.spec_from_file_location("velora_older", OLDER / "make.py")
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)

FILES = sorted(OLDER.glob("*/*.safetensors"))
MODULES = sorted(OLDER.glob("*/*.module.pt"))
STATES = sorted(OLDER.glob("*/*.state.pt"))


def identity(path):
    return f"{path.parent.name}-{path.name.split('.')[0]}"


def assert_computes_as_before(module, path):
    expected = torch.load(path.parent / "outputs.pt")[path.name.split(".")[0]]
    for got, wanted in zip(make.outputs_of(module), expected, strict=True):
        torch.testing.assert_close(got, wanted)


def test_there_are_files_of_older_versions():
    assert all(len(found) >= 4 for found in (FILES, MODULES, STATES))


@pytest.mark.parametrize("path", FILES, ids=identity)
def test_older_file_gives_the_network_it_held(path):
    assert_computes_as_before(load_network(path), path)


@pytest.mark.parametrize("path", MODULES, ids=identity)
def test_older_pickle_gives_the_module_it_held(path):
    assert_computes_as_before(torch.load(path, weights_only=False), path)


@pytest.mark.parametrize("path", STATES, ids=identity)
def test_older_state_is_loaded_strictly(path):
    module = (make.networks() | make.layers())[path.name.split(".")[0]]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    module.load_state_dict(torch.load(path))
    assert_computes_as_before(module, path)
