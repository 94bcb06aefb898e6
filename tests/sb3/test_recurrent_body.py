"""A recurrent network over sequences, and its state as that of an LSTM."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from velora.models.protocol import parts
from velora.plugins import networks
from velora.sb3.recurrent.lstm_states import PackedBody
from velora.sb3.recurrent.recurrent_body import RecurrentBody

pytestmark = pytest.mark.usefixtures("toy_networks")
each_network = pytest.mark.parametrize(
    "name", ["liquid", "test-pair", "test-learned", "test-counter", "test-shown"]
)
STEPS, BATCH, SIZE = 5, 3, 4


def make(kind: Any, name: str, **options: Any) -> Any:
    torch.manual_seed(0)
    return kind(networks()[name], SIZE, 2, {}, **options)


def sequences(body: RecurrentBody) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """Draws inputs, states that are none an episode starts from, and resets."""
    state = tuple(torch.randn_like(part) for part in body.initial_state(BATCH))
    return torch.randn(STEPS, BATCH, SIZE), state, torch.rand(STEPS, BATCH) < 0.3


@each_network
def test_body_gives_what_its_network_gives(name: str) -> None:
    body = make(RecurrentBody, name)
    x, state, resets = sequences(body)
    outputs, after, shown = body.forward_sequence(x, state, resets=resets)
    given: Any = state if len(state) > 1 else state[0]
    expected, last = body.network.forward_sequence(x, given, resets=resets)
    assert torch.equal(outputs, expected)
    assert all(map(torch.equal, after, parts(last)))
    assert shown is None
    assert isinstance(after, tuple)


@pytest.mark.parametrize("name", ["liquid", "test-shown"])
def test_body_shows_the_states_after_each_step_where_asked(name: str) -> None:
    body = make(RecurrentBody, name, shown=True)
    x, state, resets = sequences(body)
    outputs, after, shown = body.forward_sequence(x, state, resets=resets)
    assert shown.shape == (STEPS, BATCH, body.n_shown)
    for step in range(STEPS):
        now = slice(step, step + 1)
        y, state, _ = body.forward_sequence(x[now], state, resets=resets[now])
        torch.testing.assert_close(outputs[now], y)
        flat = torch.cat([part.flatten(1) for part in state], dim=1)
        torch.testing.assert_close(shown[step], flat)
    torch.testing.assert_close(after, state)


def test_body_hands_timespans_to_its_network() -> None:
    body = make(RecurrentBody, "test-pair", timed=True)
    x, state, resets = sequences(body)
    times = torch.rand(STEPS, BATCH)
    outputs, *_ = body.forward_sequence(x, state, resets=resets, timespans=times)
    expected, _ = body.network.forward_sequence(
        x, state, resets=resets, timespans=times
    )
    assert torch.equal(outputs, expected)


@each_network
@pytest.mark.parametrize("room", [0, 2])
def test_packed_state_is_unpacked_as_it_was(name: str, room: int) -> None:
    body = make(PackedBody, name)
    body.hidden_size += room
    _, state, _ = sequences(body)
    packed = body.pack(state)
    assert [part.shape for part in packed] == 2 * [(1, BATCH, body.hidden_size)]
    assert all(map(torch.equal, body.unpack(packed), state))


@each_network
def test_packed_body_goes_through_rows_as_through_sequences(name: str) -> None:
    body = make(PackedBody, name)
    x, state, resets = sequences(body)
    outputs, after, _ = body.forward_sequence(x, state, resets=resets)
    rows = x.transpose(0, 1).flatten(0, 1)  # (B·T, F)
    starts = resets.T.flatten().float()
    got, packed, _ = body(rows, body.pack(state), starts)
    assert torch.equal(got, outputs.transpose(0, 1).flatten(0, 1))
    assert all(map(torch.equal, body.unpack(packed), after))


WITHOUT_CONTRIB = """
import sys
sys.modules["sb3_contrib"] = None  # as if it were not installed
import velora.sb3.recurrent.recurrent_body, velora.sb3.recurrent.timespans
"""


def test_body_is_there_without_sb3_contrib() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_CONTRIB], check=True)
