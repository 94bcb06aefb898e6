"""How many neurons and synapses a wiring has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velora.wiring import NeuronCounts, SynapseCounts, Wiring


def test_synapse_counts_of_the_contract_hold():
    assert Wiring(3, 10, 1).n_connections == SynapseCounts(
        sensory=3, inter=2, command=4, motor=2
    )


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 50), st.integers(2, 400), st.integers(1, 50))
def test_decision_neurons_are_split_four_to_six(in_features, n_neurons, out_features):
    wiring = Wiring(in_features, n_neurons, out_features, seed=0)
    command = max(int(0.4 * n_neurons), 1)
    assert wiring.counts == NeuronCounts(
        sensory=in_features,
        inter=n_neurons - command,
        command=command,
        motor=out_features,
    )
    assert (wiring.n_inter, wiring.n_command) == (n_neurons - command, command)


@settings(deadline=None, max_examples=150)
@given(st.integers(2, 300), st.integers(10, 90))
def test_synapse_counts_equal_exact_arithmetic_in_percent(n_neurons, percent):
    # The same floor in whole numbers, in which 100 * (1 - 0.9) is exactly 10.
    wiring = Wiring(1, n_neurons, 1, sparsity_level=percent / 100, seed=0)
    inter, command = wiring.n_inter, wiring.n_command
    dense = 100 - percent
    assert wiring.n_connections == SynapseCounts(
        sensory=max(inter * dense // 100, 1),
        inter=max(command * dense // 100, 1),
        command=max(2 * command * dense // 100, 1),
        motor=max(command * dense // 100, 1),
    )


@pytest.mark.parametrize(
    ("sparsity_level", "expected"),
    [
        (1 - 0.9999999 / 6, 1),
        (1 - 1.9999999 / 6, 2),
        (1 - 2.9999999 / 6, 3),
        (1 - 1.999 / 6, 1),
        (1 - 2.001 / 6, 2),
    ],
)
def test_floor_forgives_floating_point_error_alone(sparsity_level, expected):
    wiring = Wiring(3, 10, 1, sparsity_level=sparsity_level)
    assert wiring.n_inter == 6
    assert wiring.n_connections.sensory == expected


@pytest.mark.parametrize("sparsity_level", [0.1, 0.5, 0.9])
def test_density_level_is_one_minus_the_sparsity(sparsity_level):
    wiring = Wiring(3, 10, 1, sparsity_level=sparsity_level)
    assert wiring.density_level == pytest.approx(1 - sparsity_level)
    assert wiring.sparsity_level == sparsity_level


def test_sparsity_level_is_a_half_by_default():
    assert Wiring(3, 10, 1, seed=0) == Wiring(3, 10, 1, sparsity_level=0.5, seed=0)


@pytest.mark.parametrize("integer", [int, np.int64, np.uint8])
def test_counts_are_plain_ints(integer):
    wiring = Wiring(integer(3), integer(10), integer(2), seed=integer(1))
    for counts in (wiring.counts, wiring.n_connections):
        assert all(type(count) is int for count in vars(counts).values())
    assert type(wiring.n_inter) is int
    assert type(wiring.n_command) is int


def test_data_returns_masks_and_counts():
    wiring = Wiring(3, 10, 2)
    masks, counts = wiring.data()
    assert masks == wiring.masks
    assert counts == wiring.counts


def test_sparsity_and_seed_are_keyword_only():
    with pytest.raises(TypeError):
        Wiring(3, 10, 1, 0.5)
