"""The mode "pure": the closed form itself, with one head."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from velora.models.lnn.cfc_modes.modes.mode import Mode


class Pure(Mode):
    """state = A - A · exp(-t · (|rate| + |f|)) · f, with one head f.

    A, the asymptote, and the rate are vectors that are learned. Source: Hasani et al.
    2022, "Closed-form continuous-time neural networks", Eq. 4.
    """

    name = "pure"
    n_heads, n_masked, n_vectors = 1, 1, 2

    def merged(self, heads: Tensor, time: float | Tensor) -> Tensor | None:
        """Returns None, but for a time of 1: a time multiplies no head here."""
        return heads if not isinstance(time, Tensor) and time == 1 else None

    def step(
        self, heads: Tensor, times: float | Tensor | None, vectors: Tensor | None
    ) -> Tensor:
        """Returns the state; see the base."""
        asymptote, rate = _pair(vectors)
        decay = rate.abs() + heads.abs()
        decay = decay if times is None else times * decay
        return asymptote - asymptote * torch.exp(-decay) * heads

    def stepper(
        self,
        heads: Tensor,
        times: Tensor | None,
        vectors: Tensor | None,
        states: Tensor,
    ) -> Callable[[int], Tensor]:
        """Leaves f as it is; see the base."""
        asymptote, rate = _pair(vectors)
        slowest = rate.abs()
        f, after = heads.unbind(), states.unbind()
        t = [] if times is None else times.unbind()

        def step(i: int) -> Tensor:
            decay = torch.add(slowest, f[i].abs()).neg_()
            if times is not None:
                decay.mul_(t[i])
            left = decay.exp_().mul_(f[i])
            return torch.addcmul(asymptote, asymptote, left, value=-1, out=after[i])

        return step

    def slopes(
        self, heads: Tensor, times: Tensor | None, vectors: Tensor | None
    ) -> Tensor:
        """Returns the derivatives; see the base."""
        now = _terms(heads, times, vectors)
        inner = now.magnitude if times is None else times * now.magnitude
        # Times of another layout give it theirs; compiled loops want rows.
        return (now.asymptote * now.left * (inner - 1))[:, :, None].contiguous()

    def gradients(
        self,
        grad_states: Tensor,
        grad_heads: Tensor,
        heads: Tensor,
        times: Tensor | None,
        vectors: Tensor | None,
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the gradients of times and vectors; see the base."""
        now = _terms(heads, times, vectors)
        remains = now.left * heads
        of_decay = grad_states * remains * now.asymptote
        of_rate = of_decay if times is None else of_decay * times
        to_asymptote = (grad_states * (1 - remains)).sum((0, 1))
        to_rate = of_rate.sum((0, 1)) * now.rate.sign()
        grad_times = None
        if times is not None:
            both = now.rate.abs() + now.magnitude
            grad_times = (of_decay * both).sum(-1, keepdim=True)
        return grad_times, torch.stack((to_asymptote, to_rate))


class _Terms(NamedTuple):
    """What the equation is made of: `left` is the exponential, `magnitude` |f|."""

    asymptote: Tensor
    rate: Tensor
    magnitude: Tensor
    left: Tensor


def _terms(heads: Tensor, times: Tensor | None, vectors: Tensor | None) -> _Terms:
    asymptote, rate = _pair(vectors)
    magnitude = heads.abs()
    decay = rate.abs() + magnitude
    decay = decay if times is None else times * decay
    return _Terms(asymptote, rate, magnitude, torch.exp(-decay))


def _pair(vectors: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns the asymptote and the rate, (H,) each."""
    if vectors is None:
        raise TypeError("`vectors` must hold the asymptote and the rate; got None.")
    asymptote, rate = vectors.unbind()
    return asymptote, rate


PURE = Pure()
