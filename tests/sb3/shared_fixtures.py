"""What the tests of velora-sb3 and of the packages above it share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from toy_networks import register


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # fastest for networks this small
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def toy_networks() -> None:
    """Registers the networks of `toy_networks.py`."""
    register()
