"""The recurrence of `velora.models.lnn.gated_leaky.scan`, a kernel each way."""

from __future__ import annotations

import triton.language as tl

from velora.models.lnn.kernels.dialect import kernel
from velora.models.lnn.kernels.elementary import decayed, sigmoid, softplus, tanh
from velora.models.lnn.kernels.products import add_product


@kernel
def scan_forward(
    heads: tl.tensor,
    weight: tl.tensor,
    before: tl.tensor,
    resets: tl.tensor,
    times: tl.tensor,
    rates: tl.tensor,
    states: tl.tensor,
    steps: tl.tensor,
    batch: tl.tensor,
    hidden: tl.tensor,
    width: tl.tensor,
    HAS_RESETS: tl.constexpr,
    HAS_TIMES: tl.constexpr,
    ROWS: tl.constexpr,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Runs the recurrence forward.

    Args:
        heads: (T, B, 3·H), what the inputs give to f, k and proj; the first two are
            overwritten by the gate and tanh k.
        weight: (3·H, H).
        before: (T, B, W), whose last H columns are the states before each step, after
            its reset. Those of the first step are given, the others filled.
        resets: (T, B).
        times: (T, B).
        rates: (T, B, H) to fill with softplus f where there are times.
        states: (T, B, H) to fill with the states after each step.
        steps: T.
        batch: B.
        hidden: H.
        width: W.
        HAS_RESETS: whether there are any.
        HAS_TIMES: whether there are any; each is 1 without.
        ROWS: of the batch in a block.
        SIZE: a power of 2, H or more.
        BLOCK: states of a product at a time.
    """
    row, column = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, SIZE)
    is_row = row < batch
    inside = is_row[:, None] & (column < hidden)[None, :]
    at = row[:, None] * hidden + column[None, :]
    at_heads = row[:, None] * (3 * hidden) + column[None, :]
    start = row * width + width - hidden  # of a row of states before
    at_before = start[:, None] + column[None, :]
    state = tl.load(before + at_before, inside, 0.0)
    for step in range(steps):
        f = tl.load(heads + at_heads, inside, 0.0)
        k = tl.load(heads + at_heads + hidden, inside, 0.0)
        of_k = weight + hidden * hidden
        tl.debug_barrier()  # until the states before are written
        f = add_product(
            f, before + start, is_row, weight, hidden, 1, hidden, SIZE, BLOCK
        )
        k = add_product(k, before + start, is_row, of_k, hidden, 1, hidden, SIZE, BLOCK)
        if HAS_TIMES:
            rate = softplus(f)
            gate = decayed(tl.load(times + row, is_row, 0.0)[:, None] * rate)
            tl.store(rates + at, rate, inside)
            times += batch
            rates += batch * hidden
        else:
            gate = sigmoid(f)
        k = tanh(k)
        # From the nearer end: an open gate lets the target through, to the last digit,
        # and no rounding leads beyond it.
        way = k - state
        state = tl.where(gate < 0.5, state + gate * way, k - (1 - gate) * way)
        tl.store(heads + at_heads, gate, inside)
        tl.store(heads + at_heads + hidden, k, inside)
        tl.store(states + at, state, inside)
        heads += batch * 3 * hidden
        states += batch * hidden
        before += batch * width
        if step + 1 < steps:
            if HAS_RESETS:
                resets += batch
                is_reset = tl.load(resets + row, is_row, 0) != 0
                state = tl.where(is_reset[:, None], 0.0, state)
            tl.store(before + at_before, state, inside)


@kernel
def scan_backward(
    from_outside: tl.tensor,
    weight: tl.tensor,
    heads: tl.tensor,
    before: tl.tensor,
    resets: tl.tensor,
    times: tl.tensor,
    rates: tl.tensor,
    grad_heads: tl.tensor,
    grad_state: tl.tensor,
    grad_times: tl.tensor,
    steps: tl.tensor,
    batch: tl.tensor,
    hidden: tl.tensor,
    width: tl.tensor,
    HAS_RESETS: tl.constexpr,
    HAS_TIMES: tl.constexpr,
    ROWS: tl.constexpr,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Runs the recurrence backward. What is not named here is as in `scan_forward`.

    Args:
        from_outside: (T, B, H) gradients of the states after each step.
        weight: (3·H, H).
        heads: as `scan_forward` left them.
        before: as `scan_forward` left them.
        resets: (T, B).
        times: (T, B).
        rates: as `scan_forward` left them.
        grad_heads: (T, B, 3·H), of which those of f and k are to fill.
        grad_state: (B, H), to which that of the first state is added.
        grad_times: (T, B) to fill where there are times.
        steps: T.
        batch: B.
        hidden: H.
        width: W.
        HAS_RESETS: whether there are any.
        HAS_TIMES: whether there are any.
        ROWS: of the batch in a block.
        SIZE: a power of 2, H or more.
        BLOCK: states of a product at a time.
    """
    row, column = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, SIZE)
    is_row = row < batch
    inside = is_row[:, None] & (column < hidden)[None, :]
    at = row[:, None] * hidden + column[None, :]
    at_heads = row[:, None] * (3 * hidden) + column[None, :]
    at_before = (row * width + width - hidden)[:, None] + column[None, :]
    now = tl.zeros((ROWS, SIZE), tl.float32)
    for back in range(steps):
        step = (steps - 1 - back).to(tl.int64)
        first = step * batch  # of the rows of this step
        gate = tl.load(heads + first * 3 * hidden + at_heads, inside, 0.0)
        k = tl.load(heads + first * 3 * hidden + at_heads + hidden, inside, 0.0)
        state = tl.load(before + first * width + at_before, inside, 0.0)
        now += tl.load(from_outside + first * hidden + at, inside, 0.0)
        to_f = now * (k - state) * (1 - gate)
        if HAS_TIMES:
            time = tl.load(times + first + row, is_row, 0.0)
            rate = tl.load(rates + first * hidden + at, inside, 0.0)
            tl.store(grad_times + first + row, tl.sum(to_f * rate, 1), is_row)
            # 1 - exp(-softplus f) is sigmoid f.
            to_f = to_f * time[:, None] * decayed(rate)
        else:
            to_f = to_f * gate
        to_k = now * gate * (1 - k * k)
        of_f = grad_heads + first * 3 * hidden
        of_k = of_f + hidden
        tl.store(of_f + at_heads, to_f, inside)
        tl.store(of_k + at_heads, to_k, inside)
        now = now * (1 - gate)
        start = row * (3 * hidden)
        weight_of_k = weight + hidden * hidden
        tl.debug_barrier()  # until these gradients are written
        now = add_product(
            now, of_f + start, is_row, weight, hidden, hidden, 1, SIZE, BLOCK
        )
        now = add_product(
            now, of_k + start, is_row, weight_of_k, hidden, hidden, 1, SIZE, BLOCK
        )
        if HAS_RESETS:
            is_reset = tl.load(resets + first + row, is_row, 0) != 0
            now = tl.where(is_reset[:, None], 0.0, now)
    now += tl.load(grad_state + at, inside, 0.0)
    tl.store(grad_state + at, now, inside)
