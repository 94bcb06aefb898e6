"""What is not saved, and that saving is all or nothing."""

import os
import sys

import pytest
import torch
from network_files import SIZES, assert_alike
from torch import nn

from velora.models import NCPNetwork, load_network, save_network


class Derived(NCPNetwork):
    pass


@pytest.mark.parametrize(
    "make", [lambda: Derived(*SIZES), lambda: nn.Linear(3, 2), lambda: NCPNetwork]
)
def test_another_class_is_not_saved(path, make):
    with pytest.raises(TypeError, match=r"NCPNetwork.*LiquidNCPNetwork.*got"):
        save_network(make(), path)
    assert not path.exists()


def test_norms_are_not_saved(saved, path):
    before = path.read_bytes()
    saved.norms = nn.ModuleDict({"inter": nn.LayerNorm(3)})
    with pytest.raises(ValueError, match=r"(?s)norms.*LayerNorm.*`state_dict\(\)`"):
        save_network(saved, path)
    assert path.read_bytes() == before


def test_a_network_without_data_is_not_saved(network_type, path):
    with pytest.raises(ValueError, match="must hold data; got 'meta'"):
        save_network(network_type(*SIZES, device="meta"), path)
    assert not path.exists()


def test_what_would_not_be_loaded_is_not_saved(saved, path):
    before = path.read_bytes()
    saved.register_buffer("extra", torch.ones(7))
    with pytest.raises(ValueError, match=r"'extra': None.*'extra': \(7,\)"):
        save_network(saved, path)
    del saved.extra
    saved.motor.double()
    with pytest.raises(ValueError, match="one dtype of"):
        save_network(saved, path)
    assert path.read_bytes() == before


def test_an_older_file_is_replaced(saved, path, network_type, outputs_of):
    older = path.with_name("older")
    os.link(path, older)
    network = network_type(5, 12, 3)
    save_network(network, path)
    assert_alike(load_network(path), network, outputs_of)
    assert_alike(load_network(older), saved, outputs_of)
    assert sorted(os.listdir(path.parent)) == [path.name, older.name]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no file size limit")
def test_an_older_file_outlives_a_full_disk(saved, path, network_type, outputs_of):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save_network(network_type(64, 64, 64), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(path.parent) == [path.name]
    assert_alike(load_network(path), saved, outputs_of)


def test_a_folder_is_not_replaced(saved, path, tmp_path):
    path.unlink()
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"irectory|denied"):
        save_network(saved, path)
    with pytest.raises(FileNotFoundError):
        save_network(saved, tmp_path / "none" / path.name)
    assert os.listdir(tmp_path) == [path.name]
