"""What all tests of velora-rllib share; without Ray they are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

ray = pytest.importorskip("ray", reason="ray[rllib] cannot be installed here")


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # fastest for networks this small
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """A cluster of this machine, which algorithms ask for."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
