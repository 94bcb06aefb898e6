"""Networks that something watches: recorders, exporters, transforms and modes."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode
from tracers import (
    EXPORTS,
    ROWS,
    THEIR_WARNINGS,
    TRACERS,
    as_tuple,
    assert_equal,
    each_tracer,
)

from velora.models.lnn import (
    CfCLayersNetwork,
    CfCNetwork,
    GatedLeakyNCPNetwork,
    LiquidNCPNetwork,
    LTCNetwork,
    MixedMemory,
    NCPNetwork,
)
from velora.models.lnn.eager import is_traced

pytestmark = THEIR_WARNINGS
SIZES = F, _, _ = 6, 40, 3  # with 256 rows they are enough for compiled loops
H, T = 16, 4
UNITS = 43  # all but the sensory neurons


class Window(nn.Module):
    """A network over windows, each from a zero state."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        y, after = self.network.forward_sequence(x.transpose(0, 1))
        return y.transpose(0, 1), after


class Sequence(Window):
    """A network over sequences with all that it takes."""

    def forward(self, x, h_state, resets, timespans):
        y, after, states = self.network.forward_sequence(
            x.transpose(0, 1),
            h_state,
            resets=resets.T,
            timespans=timespans.T,
            return_states=True,
        )
        return y.transpose(0, 1), after, states.transpose(0, 1)


def flat(rows):
    return (torch.randn(rows, F),)


def timed(rows, hidden=H):
    return torch.randn(rows, F), torch.randn(rows, hidden), torch.rand(rows)


def window(rows):
    return (torch.randn(rows, T, F),)


def sequence(rows, hidden=H):
    resets, timespans = torch.rand(rows, T) < 0.3, torch.rand(rows, T)
    return torch.randn(rows, T, F), torch.randn(rows, hidden), resets, timespans


KINDS = {
    "ncp": (lambda: NCPNetwork(*SIZES), flat),
    "liquid": (lambda: LiquidNCPNetwork(*SIZES), flat),
    "timed": (lambda: LiquidNCPNetwork(*SIZES), timed),
    "window": (lambda: Window(LiquidNCPNetwork(*SIZES)), window),
    "sequence": (lambda: Sequence(LiquidNCPNetwork(*SIZES)), sequence),
    "gated leaky": (lambda: GatedLeakyNCPNetwork(*SIZES), flat),
    "gated leaky, timed": (lambda: GatedLeakyNCPNetwork(*SIZES), timed),
    "gated leaky, sequence": (lambda: Sequence(GatedLeakyNCPNetwork(*SIZES)), sequence),
    "ltc": (lambda: LTCNetwork(*SIZES), flat),
    "ltc, timed": (lambda: LTCNetwork(*SIZES), partial(timed, hidden=UNITS)),
    "ltc, sequence": (
        lambda: Sequence(LTCNetwork(*SIZES)),
        partial(sequence, hidden=UNITS),
    ),
    "cfc, timed": (
        lambda: CfCNetwork(F, 3, n_neurons=H, mode="pure", backbone_layers=2),
        timed,
    ),
    "mixed cfc-layers, sequence": (
        lambda: Sequence(MixedMemory(CfCLayersNetwork(*SIZES))),
        partial(sequence, hidden=2 * UNITS),
    ),
}


def made(kind):
    make, draw = KINDS[kind]
    return make().eval(), draw


@each_tracer(*KINDS)
@torch.no_grad()
def test_recorded_network_takes_any_number_of_rows(tracer, kind, rows):
    module, draw = made(kind)
    recorded = TRACERS[tracer](module, draw(rows), [0] * len(draw(rows)))
    for n in ROWS:
        args = draw(n)
        y, *rest = as_tuple(module(*args))
        # An export keeps the batch of a single row.
        y = y[None] if tracer in EXPORTS and y.dim() == 1 else y
        assert_equal(recorded(*args), (y, *rest))


@torch.no_grad()
@pytest.mark.parametrize("kind", [LiquidNCPNetwork, GatedLeakyNCPNetwork])
def test_recorded_frozen_step_takes_any_number_of_rows(kind):
    step = kind(*SIZES).frozen_step()
    recorded = torch.jit.trace(lambda *args: step(*args), timed(1))
    for n in ROWS:
        args = timed(n)
        assert_equal(recorded(*args), step(*args))


@pytest.mark.parametrize("tracer", [name for name in TRACERS if name != "jit.trace"])
def test_fast_paths_know_of_every_tracer(tracer):
    class Asked(nn.Module):
        def forward(self, x):
            return x + 1 if is_traced() else x

    x = torch.randn(3, F)
    recorded = TRACERS[tracer](Asked().eval(), (x,), [0])
    assert_equal(recorded(x), x + 1)
    assert_equal(Asked()(x), x)


def test_fast_paths_know_of_what_watches_without_recording():
    seen = []

    def asked(x):
        seen.append(is_traced())
        return x

    x = torch.randn(3, F)
    torch.jit.trace(asked, x, check_trace=False)
    torch.func.vmap(asked)(x)
    with forward_ad.dual_level():
        asked(x)
    with FlopCounterMode(display=False):
        asked(x)
    assert seen == [True] * 4
    asked(x)
    assert not seen[-1]


@pytest.mark.parametrize(
    "kind",
    [
        *("ncp", "window", "sequence", "gated leaky, sequence", "ltc, sequence"),
        *("cfc, timed", "mixed cfc-layers, sequence"),
    ],
)
@torch.no_grad()
def test_make_fx_records_what_depends_on_the_inputs(kind):
    module, draw = made(kind)
    recorded = make_fx(module)(*draw(256))
    args = draw(256)
    assert_equal(recorded(*args), module(*args))


# PyTorch loads its forward-mode rules through its own deprecated torch.jit.script.
@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 256])
def test_forward_mode_equals_backward(kind, rows):
    module, draw = made(kind)
    module = module.double()
    args = [arg.double() if arg.is_floating_point() else arg for arg in draw(rows)]
    directions = [
        torch.randn_like(arg) if arg.is_floating_point() else None for arg in args
    ]
    with forward_ad.dual_level():
        duals = [
            arg if direction is None else forward_ad.make_dual(arg, direction)
            for arg, direction in zip(args, directions, strict=True)
        ]
        tangents = [forward_ad.unpack_dual(y).tangent for y in as_tuple(module(*duals))]
    leaves = [arg.requires_grad_() for arg in args if arg.is_floating_point()]
    weights = [torch.randn_like(tangent) for tangent in tangents]
    gradients = torch.autograd.grad(as_tuple(module(*args)), leaves, weights)
    forward = sum((t * w).sum() for t, w in zip(tangents, weights, strict=True))
    given = [direction for direction in directions if direction is not None]
    backward = sum((g * d).sum() for g, d in zip(gradients, given, strict=True))
    torch.testing.assert_close(forward, backward)
