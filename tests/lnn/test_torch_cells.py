"""PyTorch's LSTM and GRU as networks: resets, states, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from velora.models.protocol import parts
from velora.models.torch_cells import GRUNetwork, LSTMNetwork

each = pytest.mark.parametrize("kind", [LSTMNetwork, GRUNetwork])


@each
def test_network_is_pytorchs_layer_and_a_linear_one(kind):
    network = kind(3, 2, n_neurons=5)
    x = torch.randn(6, 4, 3)
    y, state = network.forward_sequence(x)
    hidden, last = network.cell(x)
    torch.testing.assert_close(y, network.motor(hidden))
    for got, expected in zip(parts(state), parts(last), strict=True):
        torch.testing.assert_close(got, expected[0])


@each
def test_reset_starts_a_row_from_zero_and_no_other(kind):
    network = kind(3, 2, n_neurons=5)
    x, resets = torch.randn(7, 4, 3), torch.rand(7, 4) < 0.3
    start = tuple(torch.randn(4, 5) for _ in parts(network.initial_state(4)))
    state = start if kind is LSTMNetwork else start[0]
    resets[2] = torch.tensor([False, True, False, False])
    y, last, states = network.forward_sequence(
        x, state, resets=resets, return_states=True
    )
    fast, _ = network.forward_sequence(x, state, resets=resets)
    torch.testing.assert_close(fast, y)
    for row in range(4):
        now = tuple(part[row, None] for part in start)
        for step in range(7):
            if resets[step, row]:
                now = parts(network.initial_state(1))
            single, after = network(
                x[step, row, None], now if kind is LSTMNetwork else now[0]
            )
            now = parts(after)
            torch.testing.assert_close(single[0], y[step, row])
            for got, expected in zip(parts(states), now, strict=True):
                torch.testing.assert_close(got[step, row], expected[0])
        for got, expected in zip(parts(last), now, strict=True):
            torch.testing.assert_close(got[row], expected[0])


@each
def test_wrong_shapes_are_refused(kind):
    network = kind(3, 2)
    with pytest.raises(ValueError, match="`n_neurons` must be at least 1"):
        kind(3, 2, n_neurons=0)
    with pytest.raises(ValueError, match=r"in_features\) = \(T, B, 3\)"):
        network.forward_sequence(torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"`resets` must have shape \(T, B\)"):
        network.forward_sequence(torch.zeros(5, 4, 3), resets=torch.zeros(4, 5))
    wrong = (torch.zeros(3, 64),) * network.n_parts
    with pytest.raises(ValueError, match=r"hidden\) = \(4, 64\)"):
        network.forward_sequence(
            torch.zeros(5, 4, 3), wrong if kind is LSTMNetwork else wrong[0]
        )


@each
def test_numpys_integers_are_sizes(kind):
    three, two = np.arange(2, 4)[::-1]
    network = kind(three, two, n_neurons=np.int64(5))
    assert network(torch.zeros(4, 3))[0].shape == (4, 2)
