"""Modules with a mask among their buffers: what may be loaded as one, and what not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from velora.models.lnn.eager import is_traced
from velora.models.lnn.shapes import fault_of_mask


def as_factors(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns a mask of booleans as numbers of a dtype, to multiply with.

    By way of bytes, which PyTorch turns into numbers faster than booleans.
    """
    if mask.dtype != torch.bool or is_traced():
        return mask.to(dtype)
    return mask.view(torch.uint8).to(dtype)


class MaskedModule(nn.Module):
    """A module whose buffer `mask_name` is a mask of booleans.

    A state dict may leave the mask out: it is loaded strictly all the same, and the
    module keeps the one that it has. One that holds anything but 0 and 1 is an error.
    """

    mask_name: ClassVar[str] = "mask"

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Mapping[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        key = prefix + self.mask_name
        given = state_dict.get(key)
        if isinstance(given, Tensor) and (fault := fault_of_mask(given)):
            error_msgs.append(f"`{key}` {fault}")
            return
        super()._load_from_state_dict(
            state_dict,
            prefix,
            local_metadata,
            strict,
            missing_keys,
            unexpected_keys,
            error_msgs,
        )
        if key in missing_keys:
            missing_keys.remove(key)
        self._keep_booleans()  # an assigned one may be of an older dtype

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # PyTorch's own
        self._keep_booleans()  # an older pickle has other numbers

    def _keep_booleans(self) -> None:
        setattr(self, self.mask_name, getattr(self, self.mask_name).bool())
