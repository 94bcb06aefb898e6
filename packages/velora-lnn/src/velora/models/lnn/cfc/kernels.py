"""The recurrence of `velora.models.lnn.cfc.scan`, a kernel each way."""

from __future__ import annotations

import triton.language as tl

from velora.models.lnn.kernels.dialect import kernel
from velora.models.lnn.kernels.elementary import sigmoid, tanh
from velora.models.lnn.kernels.products import add_product


@kernel
def scan_forward(
    heads: tl.tensor,
    weight: tl.tensor,
    before: tl.tensor,
    resets: tl.tensor,
    times: tl.tensor,
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
        heads: (T, B, N·H), what the inputs give to the heads; overwritten by tanh g,
            tanh h, with times f_to_g, and the gate, but for the last one.
        weight: (N·H, H).
        before: (T, B, W), whose last H columns are the states before each step, after
            its reset. Those of the first step are given, the others filled.
        resets: (T, B).
        times: (T, B).
        states: (T, B, H) to fill with the states after each step.
        steps: T.
        batch: B.
        hidden: H.
        width: W.
        HAS_RESETS: whether there are any.
        HAS_TIMES: whether there are any, and N is 5; without it is 4.
        ROWS: of the batch in a block.
        SIZE: a power of 2, H or more.
        BLOCK: states of a product at a time.
    """
    row, column = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, SIZE)
    is_row = row < batch
    inside = is_row[:, None] & (column < hidden)[None, :]
    size = (5 if HAS_TIMES else 4) * hidden
    last = size - 2 * hidden  # the gate
    at = row[:, None] * hidden + column[None, :]
    at_heads = row[:, None] * size + column[None, :]
    start = row * width + width - hidden  # of a row of states before
    at_before = start[:, None] + column[None, :]
    of_h = weight + hidden * hidden
    of_f_to_g, of_f = of_h + hidden * hidden, weight + last * hidden
    for step in range(steps):
        g = tl.load(heads + at_heads, inside, 0.0)
        h = tl.load(heads + at_heads + hidden, inside, 0.0)
        f = tl.load(heads + at_heads + last, inside, 0.0)
        rows = before + start
        tl.debug_barrier()  # until the states before are written
        g = add_product(g, rows, is_row, weight, hidden, 1, hidden, SIZE, BLOCK)
        h = add_product(h, rows, is_row, of_h, hidden, 1, hidden, SIZE, BLOCK)
        f = add_product(f, rows, is_row, of_f, hidden, 1, hidden, SIZE, BLOCK)
        if HAS_TIMES:
            f_to_g = add_product(
                tl.load(heads + at_heads + 2 * hidden, inside, 0.0),
                rows,
                is_row,
                of_f_to_g,
                hidden,
                1,
                hidden,
                SIZE,
                BLOCK,
            )
            tl.store(heads + at_heads + 2 * hidden, f_to_g, inside)
            f += f_to_g * tl.load(times + row, is_row, 0.0)[:, None]
            times += batch
        g, h, gate = tanh(g), tanh(h), sigmoid(f)
        state = g + gate * (h - g)
        tl.store(heads + at_heads, g, inside)
        tl.store(heads + at_heads + hidden, h, inside)
        tl.store(heads + at_heads + last, gate, inside)
        tl.store(states + at, state, inside)
        heads += batch * size
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
    resets: tl.tensor,
    times: tl.tensor,
    grad_heads: tl.tensor,
    grad_state: tl.tensor,
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
    """Runs the recurrence backward.

    Args:
        from_outside: (T, B, H) gradients of the states after each step.
        weight: (N·H, H).
        heads: as `scan_forward` left them.
        resets: (T, B).
        times: (T, B).
        grad_heads: (T, B, N·H) to fill, but for the last head.
        grad_state: (B, H), to which that of the first state is added.
        steps: T.
        batch: B.
        hidden: H.
        width: not read.
        HAS_RESETS: whether there are any.
        HAS_TIMES: whether there are any, and N is 5; without it is 4.
        ROWS: of the batch in a block.
        SIZE: a power of 2, H or more.
        BLOCK: states of a product at a time.
    """
    row, column = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, SIZE)
    is_row = row < batch
    inside = is_row[:, None] & (column < hidden)[None, :]
    size = (5 if HAS_TIMES else 4) * hidden
    last = size - 2 * hidden  # the gate
    at = row[:, None] * hidden + column[None, :]
    at_heads = row[:, None] * size + column[None, :]
    start = row * size
    of_h = weight + hidden * hidden
    of_f_to_g, of_f = of_h + hidden * hidden, weight + last * hidden
    now = tl.zeros((ROWS, SIZE), tl.float32)
    for back in range(steps):
        step = (steps - 1 - back).to(tl.int64)
        first = step * batch  # of the rows of this step
        here, there = heads + first * size, grad_heads + first * size
        g = tl.load(here + at_heads, inside, 0.0)
        h = tl.load(here + at_heads + hidden, inside, 0.0)
        gate = tl.load(here + at_heads + last, inside, 0.0)
        now += tl.load(from_outside + first * hidden + at, inside, 0.0)
        to_f = now * (h - g) * gate * (1 - gate)
        tl.store(there + at_heads, now * (1 - gate) * (1 - g * g), inside)
        tl.store(there + at_heads + hidden, now * gate * (1 - h * h), inside)
        tl.store(there + at_heads + last, to_f, inside)
        if HAS_TIMES:
            time = tl.load(times + first + row, is_row, 0.0)[:, None]
            tl.store(there + at_heads + 2 * hidden, to_f * time, inside)
        now = tl.zeros((ROWS, SIZE), tl.float32)
        rows = there + start
        tl.debug_barrier()  # until these gradients are written
        now = add_product(now, rows, is_row, weight, hidden, hidden, 1, SIZE, BLOCK)
        now = add_product(
            now, rows + hidden, is_row, of_h, hidden, hidden, 1, SIZE, BLOCK
        )
        now = add_product(
            now, rows + last, is_row, of_f, hidden, hidden, 1, SIZE, BLOCK
        )
        if HAS_TIMES:
            now = add_product(
                now,
                rows + 2 * hidden,
                is_row,
                of_f_to_g,
                hidden,
                hidden,
                1,
                SIZE,
                BLOCK,
            )
        if HAS_RESETS:
            is_reset = tl.load(resets + first + row, is_row, 0) != 0
            now = tl.where(is_reset[:, None], 0.0, now)
    now += tl.load(grad_state + at, inside, 0.0)
    tl.store(grad_state + at, now, inside)
