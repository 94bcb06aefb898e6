"""A tap sees, and may change, what the synapses of each layer read."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from velora.models import GatedLeakyNCPNetwork, LiquidNCPNetwork, NCPNetwork
from velora.models.lnn.taps import LAYERS, STATE, tapped

KINDS = [NCPNetwork, LiquidNCPNetwork, GatedLeakyNCPNetwork]


def first(result: Tensor | tuple[Tensor, ...]) -> Tensor:
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("kind", KINDS)
def test_tap_sees_each_layer_and_leaves_nothing(kind: type[NCPNetwork]) -> None:
    network, x = kind(3, 12, 2), torch.randn(4, 3)
    expected, seen = first(network(x)), {}

    def tap(name: str, read: Tensor) -> Tensor:
        seen[name] = read
        return read

    with tapped(network, tap):
        torch.testing.assert_close(first(network(x)), expected)
    shapes = {name: tuple(read.shape) for name, read in seen.items()}
    sizes = {layer: (4, getattr(network.counts, layer)) for layer in LAYERS}
    if kind is not NCPNetwork:
        sizes[STATE] = sizes["command"]
    assert shapes == sizes
    assert torch.equal(seen["sensory"], x)
    torch.testing.assert_close(first(network(x)), expected, rtol=0, atol=0)
    with pytest.raises(ZeroDivisionError), tapped(network, lambda *_: 1 // 0):
        network(x)
    torch.testing.assert_close(first(network(x)), expected, rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_tap_changes_what_is_read(kind: type[NCPNetwork]) -> None:
    network, x = kind(3, 12, 2), torch.randn(4, 3)
    with tapped(network, lambda _, read: torch.zeros_like(read)):
        y = first(network(x))
    torch.testing.assert_close(y, network.motor.bias.expand(4, 2))


def test_state_is_read_at_every_step_of_a_window() -> None:
    network, calls = LiquidNCPNetwork(3, 12, 2), Counter[str]()

    def tap(name: str, read: Tensor) -> Tensor:
        calls[name] += 1
        return read

    with tapped(network, tap):
        network.forward_sequence(torch.randn(5, 4, 3))
    assert calls == {"sensory": 1, "inter": 5, STATE: 5, "command": 1}
