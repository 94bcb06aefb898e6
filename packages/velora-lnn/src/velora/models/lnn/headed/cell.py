"""The base of cells whose heads read [x, hidden] and share one mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from velora.models.lnn.headed.packing import PackedHeads, Packing
from velora.models.lnn.masked import MaskedModule
from velora.models.lnn.recurrent_cell import RecurrentCell
from velora.models.lnn.shapes import check_mask, check_sizes
from velora.models.lnn.sparse import SparseLinear, oriented

if TYPE_CHECKING:
    from typing_extensions import Self


class HeadedCell(MaskedModule, RecurrentCell):
    """A cell of heads, `SparseLinear` each, that read z = [x, hidden].

    The synapses from `x` obey the mask; those from the state are dense. A subclass
    names its heads, which are made in this order, and says what a step is.

    Args:
        in_features: size F of an input.
        n_hidden: size H of the state and of the output.
        mask: (F, H) synapses as a wiring gives them, signed or not.
        init_type: how weights start; see `SparseLinear.reset_parameters`.
        gain: what the weights that start are multiplied with.
        device: where the cell is made; None is PyTorch's default.

    Attributes:
        sparsity_mask: (H, F + H) buffer of booleans that all heads share: where the
            mask is not 0, transposed, and true where the state enters.
        head_size: F + H, the inputs of each head.

    Raises:
        TypeError: a size is no integer or the mask no tensor.
        ValueError: a size is below 1, the mask has another shape or holds other
            numbers than -1, 0 and 1, the `init_type` is unknown, or the `gain`
            negative or not finite.
    """

    mask_name = "sparsity_mask"
    head_names: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        in_features: int,
        n_hidden: int,
        mask: Tensor,
        *,
        init_type: str = "kaiming_uniform",
        gain: float = 1.0,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        check_sizes(in_features=in_features, n_hidden=n_hidden)
        self.in_features = in_features
        self.n_hidden = n_hidden
        self.head_size = in_features + n_hidden
        sparsity_mask = self._with_state(mask)
        for name in self.head_names:
            # Always with a bias, on which what packs them relies.
            head = SparseLinear(
                self.head_size,
                n_hidden,
                sparsity_mask,
                init_type=init_type,
                gain=gain,
                device=device,
            )
            self.add_module(name, head)
        self.register_buffer("sparsity_mask", self.heads[0].mask)
        share_mask(self)
        self.register_load_state_dict_post_hook(share_mask)  # type: ignore[no-untyped-call]  # PyTorch's own

    @property
    def heads(self) -> tuple[SparseLinear, ...]:
        """The heads, in the order of their names."""
        modules: Any = self._modules  # several times as fast as by attribute
        return tuple([modules[name] for name in self.head_names])

    def packed_by(self, packing: Packing) -> PackedHeads:
        """Returns the heads as one masked weight and one bias."""
        heads = self.heads
        return packing.pack(
            [head.weight for head in heads],
            [head.bias for head in heads],
            self.sparsity_mask,
        )

    def update_mask(self, mask: Tensor) -> None:
        """Replaces the synapses from the input in every head.

        Args:
            mask: (F, H) synapses as a wiring gives them, signed or not.

        Raises:
            TypeError: the mask is no tensor.
            ValueError: it has another shape, or holds other numbers than -1, 0 and 1.
        """
        sparsity_mask = self._with_state(mask)
        for head in self.heads:
            head.update_mask(sparsity_mask)

    def _with_state(self, mask: Tensor) -> Tensor:
        """Turns a wiring's (F, H) mask into the (H, F + H) mask of the heads."""
        sizes = {"in_features": self.in_features, "n_hidden": self.n_hidden}
        check_mask(mask, sizes, signed=True)
        state = mask.new_ones(self.n_hidden, self.n_hidden)
        return torch.cat((oriented(mask), state), dim=1)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == self.mask_name:
            share_mask(self)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # They are one tensor, of which PyTorch would keep what it reads last.
        names = [prefix + self.mask_name]
        names += [
            f"{prefix}{head}.{SparseLinear.mask_name}" for head in self.head_names
        ]
        given = [name for name in names if name in state_dict]
        masks = [state_dict[name] for name in given]
        if masks and all(_are_alike(masks[0], mask) for mask in masks):
            for name in given:  # of PyTorch's own copy: heads ask their cell
                del state_dict[name]
            if not all(_are_equal(masks[0], mask) for mask in masks):
                errors: list[str] = args[-1]  # of PyTorch's arguments
                errors.append(
                    f"{given} must be equal, as the heads of a cell share one mask; "
                    "got several. Call `update_mask`, or keep one of them."
                )
                return
            state_dict[names[0]] = masks[0]
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # PyTorch moves each buffer by itself, which would leave a mask a head.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # PyTorch's own
        share_mask(self)
        return self


def _are_alike(mask: Any, other: Any) -> bool:
    """Whether they are masks of one shape; what is none is refused elsewhere."""
    are_tensors = isinstance(mask, Tensor) and isinstance(other, Tensor)
    return are_tensors and mask.shape == other.shape


def _are_equal(mask: Tensor, other: Tensor) -> bool:
    """Whether masks of one shape are equal, as far as they hold data."""
    if mask.is_meta or other.is_meta:
        return True
    return torch.equal(mask.bool(), other.bool().to(mask.device))


def share_mask(cell: HeadedCell, _: object = None) -> None:
    """Gives every head the mask of the cell, as after its state was loaded."""
    for head in cell.heads:
        head.mask = cell.sparsity_mask
