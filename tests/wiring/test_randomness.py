"""Where the randomness of a wiring comes from."""

import random
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from velora.wiring import Wiring


@contextmanager
def untouched(*generators):
    states = {
        "random": random.getstate,
        "numpy": lambda: repr(np.random.get_state()),
        "torch": lambda: torch.get_rng_state().tolist(),
    }
    before = {name: states[name]() for name in generators}
    yield
    for name in generators:
        assert states[name]() == before[name], name


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 20),
    st.integers(2, 40),
    st.integers(1, 20),
    st.floats(0.1, 0.9),
    st.integers(-(2**70), 2**70),
)
def test_same_seed_gives_the_same_wiring(sensory, n_neurons, motor, sparsity, seed):
    sizes = (sensory, n_neurons, motor)
    first = Wiring(*sizes, sparsity_level=sparsity, seed=seed)
    torch.rand(3)
    assert Wiring(*sizes, sparsity_level=sparsity, seed=seed) == first


def test_other_seeds_give_other_wirings():
    sampled = [Wiring(5, 30, 5, seed=seed).to_dict()["masks"] for seed in range(20)]
    assert all(sampled.count(masks) == 1 for masks in sampled)


def test_seed_leaves_the_global_generators_untouched():
    with untouched("random", "numpy", "torch"):
        Wiring(5, 30, 5, seed=3).build()


def test_no_seed_leaves_random_and_numpy_untouched():
    with untouched("random", "numpy"):
        Wiring(5, 30, 5).build()


def test_no_seed_follows_torch_manual_seed():
    torch.manual_seed(11)
    first, second = Wiring(5, 30, 5), Wiring(5, 30, 5)
    torch.manual_seed(11)
    assert Wiring(5, 30, 5) == first
    assert Wiring(5, 30, 5) == second
    assert first != second


def test_no_seed_ignores_random_and_numpy():
    torch.manual_seed(11)
    random.seed(0)
    np.random.seed(0)
    first = Wiring(5, 30, 5)
    torch.manual_seed(11)
    random.seed(1)
    np.random.seed(1)
    assert Wiring(5, 30, 5) == first


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_build_samples_anew(seed):
    wiring = Wiring(5, 30, 5, seed=seed)
    sampled = [wiring.to_dict()["masks"]]
    for _ in range(3):
        wiring.build()
        sampled.append(wiring.to_dict()["masks"])
    assert all(sampled.count(masks) == 1 for masks in sampled)


def test_build_with_a_seed_is_reproducible():
    first, second = Wiring(5, 30, 5, seed=9), Wiring(5, 30, 5, seed=9)
    for _ in range(3):
        first.build()
        second.build()
        assert first == second


def test_build_without_a_seed_follows_torch_manual_seed():
    wiring = Wiring(5, 30, 5)
    torch.manual_seed(4)
    wiring.build()
    torch.manual_seed(4)
    assert Wiring(5, 30, 5) == wiring


def test_build_keeps_the_counts():
    wiring = Wiring(5, 30, 5)
    before = (wiring.counts, wiring.n_connections)
    wiring.build()
    assert (wiring.counts, wiring.n_connections) == before


def test_default_device_has_no_say():
    with torch.device("meta"):
        wiring = Wiring(5, 30, 5, seed=2)
        wiring.build()
        copy = Wiring.from_dict(wiring.to_dict())
    reference = Wiring(5, 30, 5, seed=2)
    reference.build()
    assert all(mask.device.type == "cpu" for _, mask in wiring.masks.items())
    assert wiring == reference
    assert copy == reference


def test_default_device_has_no_say_in_samples_of_the_global_generator():
    torch.manual_seed(3)
    reference = Wiring(5, 30, 5)
    torch.manual_seed(3)
    with torch.device("meta"):
        wiring = Wiring(5, 30, 5)
    assert wiring == reference


def test_default_dtype_has_no_say():
    reference = Wiring(5, 30, 5, seed=2)
    torch.set_default_dtype(torch.float64)
    try:
        assert Wiring(5, 30, 5, seed=2) == reference
    finally:
        torch.set_default_dtype(torch.float32)
