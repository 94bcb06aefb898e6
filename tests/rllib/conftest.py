"""What all tests of velora-rllib share; without Ray `test_ray.py` says so."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
collect_ignore = (
    []
    if find_spec("ray")
    else [file.name for file in HERE.glob("test_*.py") if file.stem != "test_ray"]
)


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # fastest for networks this small
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """A cluster of this machine, which algorithms ask for."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
