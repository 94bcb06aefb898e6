"""A linear layer whose weights obey a mask."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from velora.models.lnn.initialization import check_gain, initializer
from velora.models.lnn.masked import MaskedModule, as_factors
from velora.models.lnn.shapes import (
    check_features,
    check_mask,
    check_sizes,
    check_weights,
)

# Weights from which on it pays to make numbers of a mask before multiplying with it.
_LARGE = 4096


def oriented(mask: Tensor) -> Tensor:
    """Turns a wiring's signed (from, to) mask into a layer's 0/1 (to, from) mask.

    The layers learn the sign of each synapse, so its polarity is dropped here, the
    one place where a wiring's mask becomes a layer's.
    """
    return (mask != 0).to(torch.int32).T


class SparseLinear(MaskedModule):
    """`nn.Linear` with a mask over its weights: `x @ (weight * mask).T + bias`.

    A masked weight has no effect and gets no gradient, whatever finite value is
    written into it.
    This is no `nn.Linear`, which Stable-Baselines3 would initialise anew.

    Args:
        in_features: size F of an input.
        out_features: size O of an output.
        mask: (O, F), 0 where there is no synapse, else 1, of any dtype.
        init_type: how the weights start; see `reset_parameters`.
        gain: what the weights that start are multiplied with.
        bias: whether a bias is added.
        device: where the layer is made; None is PyTorch's default.

    Attributes:
        weight: (O, F) parameter, which starts masked.
        bias: (O,) parameter, or None.
        mask: (O, F) persistent buffer of booleans. A state dict without it is loaded
            strictly, and the layer keeps the one it has.

    Raises:
        TypeError: a size is no integer, the mask no tensor or `bias` no boolean.
        ValueError: a size is below 1 or more than fits in memory, the mask has another
            shape or holds other numbers than 0 and 1, the `init_type` is unknown, or
            the `gain` negative or not finite.
    """

    mask: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        mask: Tensor,
        *,
        init_type: str = "kaiming_uniform",
        gain: float = 1.0,
        bias: bool = True,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        check_sizes(in_features=in_features, out_features=out_features)
        if not isinstance(bias, bool):
            raise TypeError(f"`bias` must be True or False; got {bias!r}.")
        check_weights(
            in_features * out_features,
            "A layer of (in_features, out_features) neurons",
            device,
        )
        self.in_features = in_features
        self.out_features = out_features
        self.init_type = init_type
        initializer(init_type)  # refuses an unknown one before anything is made
        check_gain(gain)

        self.weight = nn.Parameter(
            torch.empty(out_features, in_features, device=device)
        )
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features, device=device))
        else:
            self.register_parameter("bias", None)
        empty = torch.empty_like(self.weight.detach(), dtype=torch.bool)
        self.register_buffer("mask", empty)
        self.update_mask(mask)
        self.reset_parameters(init_type, gain=gain)

    @torch.no_grad()
    def reset_parameters(
        self, init_type: str | None = None, *, gain: float = 1.0
    ) -> None:
        """Fills the weights anew, masked ones with zero.

        Args:
            init_type: "kaiming_uniform" (as `nn.Linear`), "xavier" (normal),
                "orthogonal", "trunc_normal" (std 1e-3), "sonar" (uniform
                ±0.006·sqrt(3/F)), "zero" or "synaptic" (normal, variance 1/k with k
                the synapses that enter the neuron); None takes the one last given.
                The bias is drawn as in `nn.Linear` with "kaiming_uniform" and is zero
                with the others.
            gain: what the weights are multiplied with, not the bias; of this call
                alone.

        Raises:
            TypeError: `gain` is no number.
            ValueError: `init_type` is unknown, or `gain` negative or not finite.
        """
        fill = initializer(self.init_type if init_type is None else init_type)
        gain = check_gain(gain)
        self.init_type = self.init_type if init_type is None else init_type
        fill(self.weight, self.mask)
        self.weight.mul_(self.mask)
        if gain != 1:
            self.weight.mul_(gain)
        if self.bias is None:
            return
        if self.init_type == "kaiming_uniform":
            bound = 1 / math.sqrt(self.in_features)
            nn.init.uniform_(self.bias, -bound, bound)
        else:
            nn.init.zeros_(self.bias)

    @torch.no_grad()
    def update_mask(self, mask: Tensor) -> None:
        """Replaces the mask at once, wherever the layer lives.

        A weight that the mask sets free goes on from the value it holds: zero,
        unless something was written into it.

        Args:
            mask: (O, F) of 0 and 1, of any dtype and on any device.

        Raises:
            TypeError: the mask is no tensor.
            ValueError: it has another shape, or holds other numbers.
        """
        check_mask(
            mask, {"out_features": self.out_features, "in_features": self.in_features}
        )
        self.mask.copy_(mask)
        if not mask.is_meta:
            self._n_synapses = int(torch.count_nonzero(mask))

    @property
    def n_synapses(self) -> int:
        """Weights that the mask leaves."""
        if self.mask.is_meta:  # what it would be if the layer had data
            return self._n_synapses
        return int(torch.count_nonzero(self.mask))

    def forward(self, x: Tensor) -> Tensor:
        """Applies the layer.

        Args:
            x: (..., F) inputs.

        Returns:
            (..., O) outputs.

        Raises:
            ValueError: the last dimension of `x` is not F.
        """
        check_features(x, self.in_features)
        weight, mask = self.weight, self.mask
        if self.in_features * self.out_features > _LARGE:
            mask = as_factors(mask, weight.dtype)
        return functional.linear(x, weight * mask, self.bias)

    def extra_repr(self) -> str:
        """Returns sizes and the share of synapses, for `repr`."""
        density = self.n_synapses / self.mask.numel()
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}, density={density:.2f}"
        )
