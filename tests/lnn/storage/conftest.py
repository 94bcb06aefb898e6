"""A network and the file that it was saved in."""

import pytest
import torch

from velora.models import save_network

pytest.register_assert_rewrite("network_files")

from network_files import SIZES  # noqa: E402  # after its asserts are explained


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.safetensors"


@pytest.fixture
def saved(make_network, network_type, path):
    """A network, and the file that it was saved in."""
    network = make_network(network_type, SIZES, torch.float32)
    save_network(network, path)
    return network
