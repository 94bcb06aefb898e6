"""The recurrence in PyTorch's operators, few of them in the loop; on any device.

Arguments are those of `velora.models.lnn.gated_leaky.backends`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.backend import OPERATORS, Backend
from velora.models.lnn.headed.packing import split


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are tensors for PyTorch's operators: all are."""
    return True


def forward(
    heads: Tensor,
    weight: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    """Overwrites `heads`, fills `before` and returns the states and rates."""
    hidden = weight.shape[1]
    before = before[..., -hidden:]
    states = heads.new_empty(before.shape)
    # Views are made once here: one costs as much as what is computed with it.
    gate, k, _ = (x.unbind() for x in split(heads, hidden))
    rows, after = heads.unbind(), states.unbind()
    exponents = None if times is None else (-times).unbind()
    reset_at = [] if resets is None else resets.any(1).tolist()
    rates = []
    state, weight = before[0], weight.T
    for step in range(len(heads)):
        if resets is not None and step and reset_at[step]:
            state = state.masked_fill(resets[step, :, None], 0)
        rows[step].addmm_(state, weight)
        if exponents is None:
            gate[step].sigmoid_()
        else:
            rates.append(functional.softplus(gate[step]))
            torch.mul(rates[-1], exponents[step], out=gate[step])
            gate[step].expm1_().neg_()
        k[step].tanh_()
        state = torch.lerp(state, k[step], gate[step], out=after[step])
    heads[..., -hidden:].add_(states)
    before[1:] = states[:-1]
    if resets is not None:
        before[1:].masked_fill_(resets[1:, :, None], 0)
    return states, torch.stack(rates) if rates else None


def backward(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    weight: Tensor,
    heads: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
    rates: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Returns the gradients of the heads, of the first state and of the times."""
    hidden = weight.shape[1]
    before = before[..., -hidden:]
    gate, k, _ = split(heads, hidden)
    rest = 1 - gate
    grad_heads = torch.empty_like(heads)
    grads = grad_heads.view(*before.shape[:2], 3, hidden)  # (T, B, 3, H)
    # First what a step's gradient is multiplied by, for all steps at once.
    of_exponent = (k - before).mul_(rest)
    # 1 - exp(-softplus(f)) is sigmoid(f).
    slope = gate if rates is None else torch.expm1(-rates).mul_(-times)  # type: ignore[operator]  # times come with rates
    torch.mul(of_exponent, slope, out=grads[:, :, 0])
    torch.addcmul(gate, k * k, gate, value=-1, out=grads[:, :, 1])
    if grad_y is None:
        grads[:, :, 2].zero_()
    else:
        grads[:, :, 2].copy_(grad_y)
    factors, rows = grads[:, :, :2].unbind(), grad_heads.unbind()
    rests = rest.unbind()
    given = [grad for grad in (grad_y, grad_states) if grad is not None]
    outside = (given[0] if len(given) == 1 else given[0] + given[1]).unbind()
    reset_at = [] if resets is None else resets.any(1).tolist()
    of_states = []  # after each step, the last one first
    now = torch.zeros_like(before[0])
    for step in range(len(heads) - 1, -1, -1):
        now = now + outside[step]
        of_states.append(now)
        factors[step].mul_(now[:, None])
        now = (now * rests[step]).addmm_(rows[step], weight)
        if resets is not None and reset_at[step]:
            now.masked_fill_(resets[step, :, None], 0)
    grad_times = None
    if rates is not None:
        of_exponent.mul_(torch.stack(of_states[::-1]))
        grad_times = of_exponent.mul_(rates).sum(-1, keepdim=True)
    return grad_heads, now, grad_times


BACKEND = Backend(OPERATORS, takes, forward, backward, Tensor.contiguous)
