"""The recurrence in PyTorch's operators, few of them in the loop; on any device.

Arguments are those of `velora.models.lnn.cfc.backends`.
"""

from __future__ import annotations

import torch
from torch import Tensor

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
) -> tuple[Tensor, None]:
    """Overwrites `heads`, fills `before` and returns the (T, B, H) states."""
    hidden = weight.shape[1]
    states = heads.new_empty(*heads.shape[:2], hidden)
    # Views are made once here: one costs as much as what is computed with it.
    before = before[..., -hidden:]
    blocks = split(heads, hidden)
    g, h, *f_to_g, gate, _ = (x.unbind() for x in blocks)
    both, rows = heads[..., : 2 * hidden].unbind(), heads.unbind()
    after = states.unbind()
    t = [] if times is None else times.unbind()
    reset_at = [] if resets is None else resets.any(1).tolist()
    state, weight = before[0], weight.T
    for step in range(len(heads)):
        if resets is not None and step and reset_at[step]:
            state = state.masked_fill(resets[step, :, None], 0)
        rows[step].addmm_(state, weight)
        if times is not None:
            gate[step].addcmul_(f_to_g[0][step], t[step])
        gate[step].sigmoid_()
        both[step].tanh_()
        state = torch.lerp(g[step], h[step], gate[step], out=after[step])
    blocks[-1].add_(states)
    before[1:] = states[:-1]
    if resets is not None:
        before[1:].masked_fill_(resets[1:, :, None], 0)
    return states, None


def backward(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    weight: Tensor,
    heads: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
    kept: None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Returns the gradients of the heads, of the first state and of the times."""
    hidden = weight.shape[1]
    steps, batch, _ = heads.shape
    g, h, *_, gate, _ = split(heads, hidden)
    grad_heads = torch.empty_like(heads)
    grads = grad_heads.view(steps, batch, -1, hidden)  # (T, B, N, H)
    # First what a step's gradient is multiplied by, for all steps at once.
    rest = 1 - gate
    torch.addcmul(rest, g * g, rest, value=-1, out=grads[:, :, 0])
    torch.addcmul(gate, h * h, gate, value=-1, out=grads[:, :, 1])
    torch.mul((h - g).mul_(gate), rest, out=grads[:, :, -2])
    if times is not None:
        torch.mul(grads[:, :, 3], times, out=grads[:, :, 2])
    if grad_y is None:
        grads[:, :, -1].zero_()
    else:
        grads[:, :, -1].copy_(grad_y)
    factors, rows = grads[:, :, :-1].unbind(), grad_heads.unbind()
    given = [grad for grad in (grad_y, grad_states) if grad is not None]
    outside = (given[0] if len(given) == 1 else given[0] + given[1]).unbind()
    reset_at = [] if resets is None else resets.any(1).tolist()
    now = outside[-1]
    for step in range(steps - 1, -1, -1):
        factors[step].mul_(now[:, None])
        if step and not (resets is not None and reset_at[step]):
            now = torch.addmm(outside[step - 1], rows[step], weight)
            continue
        now = rows[step] @ weight
        if resets is not None:
            now.masked_fill_(resets[step, :, None], 0)
        if step:
            now += outside[step - 1]
    return grad_heads, now, gradient_of_times(grad_heads, heads, times, hidden)


def gradient_of_times(
    grad_heads: Tensor, heads: Tensor, times: Tensor | None, hidden: int
) -> Tensor | None:
    """Returns the (T, B, 1) gradient of times, or None where there are none."""
    if times is None:
        return None
    f_to_g, grad_f = split(heads, hidden)[2], split(grad_heads, hidden)[3]
    return (grad_f * f_to_g).sum(-1, keepdim=True)


BACKEND = Backend(OPERATORS, takes, forward, backward, Tensor.contiguous)
