"""What modes with a gate of time share: two targets, and how far the gate is open."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from velora.models.lnn.cfc_modes.modes.mode import Mode
from velora.models.lnn.headed.packing import split


class Gated(Mode):
    """A mode with the heads g, h, f_to_g and f_to_h, or g, h and f at constant time.

    gate = sigmoid(f_to_g · t + f_to_h). A subclass says what it does with the gate and
    the targets tanh(g) and tanh(h).
    """

    n_heads, n_masked, n_vectors = 4, 2, 0

    @abstractmethod
    def blend(
        self, g: Tensor, h: Tensor, gate: Tensor, out: Tensor | None = None
    ) -> Tensor:
        """Returns the state made of tanh(g), tanh(h) and the gate."""

    @abstractmethod
    def fill_slopes(self, g: Tensor, h: Tensor, gate: Tensor, slopes: Tensor) -> None:
        """Fills the (T, B, N, H) derivatives by g, by h and, the last one, by f."""

    def merged(self, heads: Tensor, time: float | Tensor) -> Tensor:
        """Makes f of f_to_g and f_to_h; see the base."""
        g, h, f_to_g, f_to_h = heads.unbind()
        return torch.stack((g, h, f_to_g * time + f_to_h))

    def step(
        self, heads: Tensor, times: float | Tensor | None, vectors: Tensor | None
    ) -> Tensor:
        """Returns the state; see the base."""
        g, h, *f = heads.chunk(3 if times is None else 4, dim=-1)
        gate = torch.sigmoid(f[0] if times is None else f[0] * times + f[1])
        return self.blend(torch.tanh(g), torch.tanh(h), gate)

    def stepper(
        self,
        heads: Tensor,
        times: Tensor | None,
        vectors: Tensor | None,
        states: Tensor,
    ) -> Callable[[int], Tensor]:
        """Leaves tanh(g), tanh(h), with times f_to_g, and the gate; see the base."""
        # Views are made once here: one costs as much as what is computed with it.
        hidden = states.shape[-1]
        g, h, *f_to_g, gate = (x.unbind() for x in split(heads, hidden))
        both, after = heads[..., : 2 * hidden].unbind(), states.unbind()
        t = [] if times is None else times.unbind()

        def step(i: int) -> Tensor:
            if times is not None:
                gate[i].addcmul_(f_to_g[0][i], t[i])
            gate[i].sigmoid_()
            both[i].tanh_()
            return self.blend(g[i], h[i], gate[i], out=after[i])

        return step

    def slopes(
        self, heads: Tensor, times: Tensor | None, vectors: Tensor | None
    ) -> Tensor:
        """Returns the derivatives; see the base."""
        hidden = heads.shape[-1] // (3 if times is None else 4)
        g, h, *_, gate = split(heads, hidden)
        slopes = torch.empty_like(heads).view(*heads.shape[:2], -1, hidden)
        self.fill_slopes(g, h, gate, slopes)
        if times is not None:
            torch.mul(slopes[:, :, 3], times, out=slopes[:, :, 2])
        return slopes

    def gradients(
        self,
        grad_states: Tensor,
        grad_heads: Tensor,
        heads: Tensor,
        times: Tensor | None,
        vectors: Tensor | None,
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the gradient of times; see the base."""
        if times is None:
            return None, None
        hidden = grad_states.shape[-1]
        f_to_g, grad_f = split(heads, hidden)[2], split(grad_heads, hidden)[3]
        return (grad_f * f_to_g).sum(-1, keepdim=True), None
