"""The recurrence of `scan`, forward and backward: in operators, or compiled.

An argument means the same in all of them. `heads` are (T, B, N·H): what the inputs
give to the N heads g, h, f, proj or g, h, f_to_g, f_to_h, proj, which forward
overwrites with tanh(g), tanh(h), with times f_to_g as it is, the gate, and y.
`weight` is (N·H, H); `laid_out` says how it best lies in memory. `before` is (T, B,
W), and its last H columns are the states before each step, after its reset; those
of the first step are given, forward fills the others. `resets` are (T, B) and
`times` (T, B, 1), or None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from velora.models.lnn.compiled import is_single, loops

Forward = Callable[[Tensor, Tensor, Tensor, Tensor | None, Tensor | None], Tensor]
Backward = Callable[
    [
        Tensor | None,
        Tensor | None,
        Tensor,
        Tensor,
        Tensor | None,
        Tensor | None,
    ],
    tuple[Tensor, Tensor],
]
# From this many multiplications a step on, PyTorch's product outruns the compiled loop.
_LARGE = 20_000_000
_LARGE_IN_PARALLEL = 5_000_000  # where PyTorch has more threads; the loop has one
_WIDE = 192  # states from which on the compiled product is one of long rows
SHORT = 2  # steps that preparations do not pay for


def pays(x: Tensor) -> bool:
    """Whether a sequence (T, ...) is long enough for one function with preparations."""
    return len(x) > SHORT or (is_single(x) and loops() is not None)


def forward_for(tensor: Tensor, work: int) -> Forward:
    """Returns the faster function forward.

    Args:
        tensor: of the kind of all arguments.
        work: multiplications a step.
    """
    return compiled_forward if _takes_loops(tensor, work) else forward


def backward_for(tensor: Tensor, work: int) -> Backward:
    """Returns the faster function backward; arguments as in `forward_for`."""
    return compiled_backward if _takes_loops(tensor, work) else backward


def laid_out(weight: Tensor, tensor: Tensor, work: int) -> Tensor:
    """Returns a weight in the memory layout that these functions are fastest with.

    They take any other, and the compiled ones copy it.
    """
    if _takes_loops(tensor, work) and weight.shape[1] < _WIDE:
        return weight.T.contiguous().T
    return weight.contiguous()


def _takes_loops(tensor: Tensor, work: int) -> bool:
    large = _LARGE if torch.get_num_threads() == 1 else _LARGE_IN_PARALLEL
    return work <= large and is_single(tensor) and loops() is not None


def forward(
    heads: Tensor,
    weight: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> Tensor:
    """Overwrites `heads`, fills `before` and returns the (T, B, H) states."""
    hidden = weight.shape[1]
    states = heads.new_empty(*heads.shape[:2], hidden)
    # Views are made once here: one costs as much as what is computed with it.
    before = before[..., -hidden:]
    blocks = heads.chunk(len(weight) // hidden, dim=2)
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
    return states


def backward(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    weight: Tensor,
    heads: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Returns the gradients of the heads, (T, B, N·H), and of the first state, (B, H).

    `heads` are as forward left them, though y is not read. `grad_y` and `grad_states`
    are (T, B, H), the latter of the states from outside the recurrence, or None.
    """
    hidden = weight.shape[1]
    steps, batch, size = heads.shape
    g, h, *_, gate, _ = heads.chunk(size // hidden, dim=2)
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
    return grad_heads, now


def compiled_forward(
    heads: Tensor,
    weight: Tensor,
    before: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> Tensor:
    """Computes what `forward` does."""
    hidden = weight.shape[1]
    states = heads.new_empty(*heads.shape[:2], hidden)
    compiled: Any = loops()
    compiled.scan_forward(
        heads.numpy(),
        _array(weight if hidden >= _WIDE else weight.T),
        before.numpy(),
        *_accompanying(heads, resets, times),
        states.numpy(),
    )
    return states


def compiled_backward(
    grad_y: Tensor | None,
    grad_states: Tensor | None,
    weight: Tensor,
    heads: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Computes what `backward` does."""
    grad_heads = torch.empty_like(heads)
    grad_state = heads.new_empty(heads.shape[1], weight.shape[1])
    none = heads.new_empty((0, 0, 0))
    compiled: Any = loops()
    compiled.scan_backward(
        _array(none if grad_y is None else grad_y),
        _array(none if grad_states is None else grad_states),
        _array(weight.T),
        heads.numpy(),
        *_accompanying(heads, resets, times),
        grad_heads.numpy(),
        grad_state.numpy(),
    )
    return grad_heads, grad_state


def _accompanying(
    heads: Tensor, resets: Tensor | None, times: Tensor | None
) -> tuple[Any, Any]:
    """Returns resets and times as (T, B) arrays, empty where there are none."""
    if resets is None:
        resets = heads.new_empty((0, 0), dtype=torch.bool)
    times = heads.new_empty((0, 0)) if times is None else times[..., 0]
    return _array(resets), _array(times)


def _array(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()
