"""Slow, obvious computations of what velora.models promises.

Written from the public contract alone, with nothing of a module but its parameters
and masks: no packing, no fusing, no in-place work, one head at a time.
"""

import torch


def sparse_linear(layer, x):
    """x: (..., F) -> (..., O), one output neuron at a time."""
    outputs = []
    for neuron in range(layer.out_features):
        there = layer.mask[neuron] != 0
        synapses = torch.where(there, layer.weight[neuron], 0) * layer.mask[neuron]
        outputs.append((x * synapses).sum(dim=-1))
    y = torch.stack(outputs, dim=-1)
    return y if layer.bias is None else y + layer.bias


def mish(x):
    return x * torch.tanh(torch.log1p(torch.exp(x)))


def head(cell, layer, z):
    """z: (B, F + H) -> (B, H), with the mask that all heads share."""
    weight = torch.where(cell.sparsity_mask != 0, layer.weight, 0)
    return z @ weight.T + layer.bias


def liquid_cell(cell, x, hidden, t):
    z = torch.cat([x, hidden], dim=1)
    g = head(cell, cell.g_head, z)
    h = head(cell, cell.h_head, z)
    f_to_g = head(cell, cell.f_head_to_g, z)
    f_to_h = head(cell, cell.f_head_to_h, z)
    gate = 1 / (1 + torch.exp(-(f_to_g * t + f_to_h)))
    new_hidden = torch.tanh(g) * (1 - gate) + gate * torch.tanh(h)
    y = head(cell, cell.proj, z) + new_hidden
    return y, new_hidden


def gated_leaky_cell(cell, x, hidden, t):
    z = torch.cat([x, hidden], dim=1)
    rate = torch.log1p(torch.exp(head(cell, cell.f_head, z)))
    target = torch.tanh(head(cell, cell.k_head, z))
    new_hidden = hidden + (1 - torch.exp(-t * rate)) * (target - hidden)
    return head(cell, cell.proj, z) + new_hidden, new_hidden


CELLS = {"NCPLiquidCell": liquid_cell, "GatedLeakyCell": gated_leaky_cell}


def cell(cell, x, hidden, t=1.0):
    """x: (B, F), hidden: (B, H), t a number or (B, 1) -> y, new_hidden: (B, H)."""
    return CELLS[type(cell).__name__](cell, x, hidden, t)


def ncp(network, x):
    """x: (B, F) -> (B, O), also where B is 1."""
    x = mish(sparse_linear(network.inter, x))
    x = mish(sparse_linear(network.command, x))
    return sparse_linear(network.motor, x)


def recurrent(network, x, hidden, t=1.0):
    """x: (B, F), hidden: (B, H) -> y: (B, O), hidden: (B, H); B may be 1."""
    x = mish(sparse_linear(network.inter, x))
    y, hidden = cell(network.command, x, hidden, t)
    return sparse_linear(network.motor, mish(y)), hidden


def timespan(timespans, step, batch):
    """Gives the time since the last step as (B, 1), environment by environment."""
    if timespans is None:
        return torch.ones(batch, 1, dtype=torch.float64)
    if not isinstance(timespans, torch.Tensor):
        return torch.full((batch, 1), float(timespans), dtype=torch.float64)
    rows = []
    for env in range(batch):
        if timespans.dim() == 0:
            rows.append(timespans)
        elif timespans.dim() == 1:
            rows.append(timespans[step])
        elif timespans.dim() == 2:
            rows.append(timespans[step, env])
        else:
            rows.append(timespans[step, env, 0])
    return torch.stack(rows)[:, None]


def sequence(network, x, hidden, resets=None, timespans=None):
    """x: (T, B, F), hidden: (B, H) -> y: (T, B, O), hidden, states: (T, B, H)."""
    outputs, states = [], []
    for step in range(x.shape[0]):
        if resets is not None:
            rows = [
                torch.zeros_like(row) if bool(reset) else row
                for row, reset in zip(hidden, resets[step], strict=True)
            ]
            hidden = torch.stack(rows)
        t = timespan(timespans, step, x.shape[1]).to(x.dtype)
        y, hidden = recurrent(network, x[step], hidden, t)
        outputs.append(y)
        states.append(hidden)
    return torch.stack(outputs), hidden, torch.stack(states)
