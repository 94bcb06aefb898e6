"""The parameters of a CfC cell, its mask, and how both start."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from velora.models.lnn.cfc_modes.modes import Mode
from velora.models.lnn.cfc_modes.options import check_backbone
from velora.models.lnn.masked import MaskedModule, as_factors
from velora.models.lnn.shapes import check_mask, check_sizes, check_weights
from velora.models.lnn.sparse import oriented


class CfCParameters(MaskedModule):
    """What a `CfCCell` is made of; it says what arguments and attributes are."""

    in_features: int
    n_hidden: int
    sparsity_mask: Tensor
    weight: Tensor
    bias: Tensor
    backbone_weight: Tensor | None
    backbone_bias: Tensor | None
    deep_weight: Tensor | None
    deep_bias: Tensor | None
    vectors: Tensor | None
    mask_name = "sparsity_mask"
    masked_names = ("weight",)
    mode: ClassVar[Mode]

    def __init__(
        self,
        in_features: int,
        n_hidden: int,
        mask: Tensor | None = None,
        *,
        backbone_units: int = 128,
        backbone_layers: int = 0,
        backbone_dropout: float = 0.0,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        check_sizes(in_features=in_features, n_hidden=n_hidden)
        check_backbone(backbone_units, backbone_layers, backbone_dropout, mask)
        self.in_features = in_features
        self.n_hidden = n_hidden
        self.backbone_units = backbone_units
        self.backbone_layers = backbone_layers
        self.backbone_dropout = backbone_dropout
        size, mode = in_features + n_hidden, self.mode
        width, deep = backbone_units, max(0, backbone_layers - 1)
        shapes: dict[str, tuple[int, ...] | None] = {
            "weight": (mode.n_heads, n_hidden, width if backbone_layers else size),
            "bias": (mode.n_heads, n_hidden),
            "backbone_weight": (width, size) if backbone_layers else None,
            "backbone_bias": (width,) if backbone_layers else None,
            "deep_weight": (deep, width, width) if deep else None,
            "deep_bias": (deep, width) if deep else None,
            "vectors": (mode.n_vectors, n_hidden) if mode.n_vectors else None,
        }
        number = sum(math.prod(shape) for shape in shapes.values() if shape)
        check_weights(number, "A cell of these sizes", device)
        for name, shape in shapes.items():
            made = None if shape is None else torch.empty(shape, device=device)
            self.register_parameter(name, None if made is None else nn.Parameter(made))
        self.register_buffer("sparsity_mask", None)
        if mask is not None:
            empty = torch.empty(n_hidden, size, dtype=torch.bool, device=device)
            self.sparsity_mask = empty
            self.update_mask(mask)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws all parameters anew.

        Weights and vectors as Glorot and Bengio 2010 do (uniform, "xavier"), each head
        and layer by itself; biases are uniform in ±1/sqrt(K) with K inputs.
        """
        for layer in (self.weight, self.backbone_weight, self.deep_weight):
            if layer is not None:
                for matrix in layer if layer.dim() == 3 else [layer]:
                    nn.init.xavier_uniform_(matrix)
        if (mask := self.mask) is not None:
            self.weight.mul_(mask)
        if self.vectors is not None:
            for vector in self.vectors:
                nn.init.xavier_uniform_(vector[None])
        pairs = {
            self.bias: self.weight,
            self.backbone_bias: self.backbone_weight,
            self.deep_bias: self.deep_weight,
        }
        for bias, weight in pairs.items():
            if bias is not None and weight is not None:
                bound = 1 / math.sqrt(weight.shape[-1])
                nn.init.uniform_(bias, -bound, bound)

    @torch.no_grad()
    def update_mask(self, mask: Tensor) -> None:
        """Replaces the synapses from the inputs at once, wherever the cell lives.

        Args:
            mask: (F, H) synapses as a wiring gives them, signed or not.

        Raises:
            TypeError: the mask is no tensor.
            ValueError: it has another shape, or holds other numbers than -1, 0 and 1,
                or the cell was made without a mask.
        """
        if not self.is_masked:
            raise ValueError(
                "`mask` must be that of a cell that was made with one; this one was "
                "made without."
            )
        sizes = {"in_features": self.in_features, "n_hidden": self.n_hidden}
        check_mask(mask, sizes, signed=True)
        state = mask.new_ones(self.n_hidden, self.n_hidden)
        self.sparsity_mask.copy_(torch.cat((oriented(mask), state), dim=1))
        if not mask.is_meta:
            self._n_synapses = int(torch.count_nonzero(mask)) + state.numel()

    @property
    def is_masked(self) -> bool:
        """Whether the cell was made with a mask."""
        return self._buffers["sparsity_mask"] is not None

    @property
    def mask(self) -> Tensor | None:
        """The (N, H, K) mask of the heads' weights; None in a cell without one."""
        if not self.is_masked:
            return None
        n_open = self.mode.n_heads - self.mode.n_masked
        masks = [self.sparsity_mask] * self.mode.n_masked
        return torch.stack(masks + [torch.ones_like(self.sparsity_mask)] * n_open)

    @property
    def n_synapses(self) -> int:
        """Weights of the heads that the mask leaves."""
        if not self.is_masked:
            return self.weight.numel()
        there = self._n_synapses  # what it would be if the cell had data
        if not self.sparsity_mask.is_meta:
            there = int(torch.count_nonzero(self.sparsity_mask))
        gone = self.mode.n_masked * (self.sparsity_mask.numel() - there)
        return self.weight.numel() - gone

    def masked_weight(self) -> Tensor:
        """Returns the (N, H, K) weights of the heads, masked."""
        if not self.is_masked:
            return self.weight
        n = self.mode.n_masked
        masked = self.weight[:n] * as_factors(self.sparsity_mask, self.weight.dtype)
        return torch.cat((masked, self.weight[n:]))

    def extra_repr(self) -> str:
        """Returns sizes and options, for `repr`."""
        return (
            f"in_features={self.in_features}, n_hidden={self.n_hidden}, "
            f"backbone_units={self.backbone_units}, "
            f"backbone_layers={self.backbone_layers}, "
            f"backbone_dropout={self.backbone_dropout}"
        )

    def _keep_booleans(self) -> None:
        if self.is_masked:
            super()._keep_booleans()
