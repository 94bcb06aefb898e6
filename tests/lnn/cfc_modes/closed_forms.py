"""What the tests of the modes share: their equations, cells, networks and paths.

The equations are written from their description alone: one head after another, without
packed, masked or scaled weights.
"""

from contextlib import contextmanager

import torch
from paths import force
from scans import F32, F64, TIMESPANS

from velora.models import CfCLayersNetwork, CfCNetwork, LTCNetwork, MixedMemory
from velora.models.lnn.cfc_modes import backends
from velora.models.lnn.cfc_modes.cell import CELLS

PATHS = {"operators": F64, "operators in float32": F32, "compiled": F32}
MODES = ["default", "no_gate", "pure"]
SIZES = F, H, UNITS = 3, 6, 7
N, OUT = 10, 2
NETWORKS = {
    **{
        f"cfc, {mode}, {layers} layers": lambda mode=mode, layers=layers: CfCNetwork(
            F, OUT, n_neurons=H, mode=mode, backbone_layers=layers, backbone_units=UNITS
        )
        for mode, layers in [("default", 1), ("no_gate", 0), ("pure", 2)]
    },
    **{
        f"cfc-layers, {mode}": lambda mode=mode: CfCLayersNetwork(F, N, OUT, mode=mode)
        for mode in MODES
    },
    "mixed cfc": lambda: MixedMemory(CfCNetwork(F, OUT, n_neurons=H)),
    "mixed cfc-layers": lambda: MixedMemory(CfCLayersNetwork(F, N, OUT, mode="pure")),
    "mixed ltc": lambda: MixedMemory(LTCNetwork(F, N, OUT, ode_unfolds=2)),
}


def make_cell(mode, layers=1, dtype=F64, sizes=SIZES, **options):
    """Makes a cell; with `layers` None one with a mask, of which a half is there."""
    inputs, hidden, units = sizes
    if layers is None:
        mask = torch.randint(-1, 2, (inputs, hidden))
        cell = CELLS[mode](inputs, hidden, mask, **options)
    else:
        options |= {"backbone_layers": layers, "backbone_units": units}
        cell = CELLS[mode](inputs, hidden, **options)
    return cell.to(dtype)


def drawn(cell, steps=5, batch=3, timespans=None, resets=True):
    """Draws the arguments of a cell's sequence, and what is differentiable of them."""
    dtype = cell.weight.dtype
    x = torch.randn(steps, batch, cell.in_features, dtype=dtype, requires_grad=True)
    hidden = torch.randn(batch, cell.n_hidden, dtype=dtype, requires_grad=True)
    tensors, t = [x, hidden, *cell.parameters()], timespans
    if isinstance(timespans, str):
        shape = (steps, batch, 1)[: 0 if timespans == "()" else TIMESPANS[timespans]]
        t = (3 * torch.rand(shape, dtype=dtype)).requires_grad_()
        tensors.append(t)
    reset = torch.rand(steps, batch) < 0.3 if resets else None
    return x, hidden, {"resets": reset, "timespans": t}, tensors


def run(cell, x, hidden, *, resets=None, timespans=None):
    """The states of a cell over time, from arguments as users give them."""
    if isinstance(timespans, torch.Tensor) and timespans.dim():
        timespans = timespans.reshape(len(x), -1, 1).expand(*x.shape[:2], 1)
    return cell.over_time(x, hidden, resets=resets, timespans=timespans)[1]


def slow(cell, x, hidden, *, resets=None, timespans=None):
    """The same by the equations, in double precision."""
    h, states = hidden.double(), []
    for step, now in enumerate(x.double()):
        if resets is not None:
            h = torch.where(resets[step][:, None], torch.zeros_like(h), h)
        t = torch.as_tensor(1.0 if timespans is None else timespans).double()
        t = t[step].reshape(-1, 1) if t.dim() else t
        h = slow_step(cell, now, h, t)
        states.append(h)
    return torch.stack(states)


def slow_step(cell, x, hidden, t):
    z = torch.cat((x, hidden), dim=1)
    weight, bias = cell.weight.double(), cell.bias.double()
    if cell.backbone_layers:
        weights = [cell.backbone_weight.double()]
        biases = [cell.backbone_bias.double()]
        if cell.backbone_layers > 1:
            weights += cell.deep_weight.double().unbind()
            biases += cell.deep_bias.double().unbind()
        for w, b in zip(weights, biases, strict=True):
            z = 1.7159 * torch.tanh(0.666 * (z @ w.T + b))
    names = ["f"] if len(weight) == 1 else ["g", "h", "f_to_g", "f_to_h"]
    heads = {}
    for name, w, b in zip(names, weight, bias, strict=True):
        if cell.sparsity_mask is not None and name in ("f", "g", "h"):
            w = torch.where(cell.sparsity_mask, w, 0.0)
        heads[name] = z @ w.T + b
    if names == ["f"]:
        asymptote, rate = cell.vectors.double()
        f = heads["f"]
        return asymptote - asymptote * torch.exp(-t * (rate.abs() + f.abs())) * f
    gate = 1 / (1 + torch.exp(-(heads["f_to_g"] * t + heads["f_to_h"])))
    g, h = torch.tanh(heads["g"]), torch.tanh(heads["h"])
    if cell.mode.name == "no_gate":
        return g + gate * h
    return g * (1 - gate) + gate * h


@contextmanager
def taken(monkeypatch, name):
    """Forces a path, and yields its dtype and the calls of its backend."""
    calls = force(monkeypatch, name, backends)
    yield PATHS[name], calls
    backend = "numba" if name == "compiled" else "operators"
    assert calls[f"{backend} forward"]
    assert set(calls) <= {f"{backend} {way}" for way in ("forward", "backward")}
