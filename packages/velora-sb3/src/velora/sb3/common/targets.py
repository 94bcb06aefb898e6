"""Target networks: their numbers lag behind their twins', their wiring does not."""

from __future__ import annotations

import torch
from torch import nn

TWINS = ("actor", "critic", "q_net", "quantile_net")  # whose target is "actor_target"
_STATISTICS = "running_"  # which Stable-Baselines3 copies whenever it updates a target


@torch.no_grad()
def follow_twins(policy: nn.Module) -> None:
    """Gives the target networks of a policy the masks of their twins.

    Stable-Baselines3's Polyak updates average parameters alone, so a target would keep
    the wiring that it was made with. All buffers are copied, as what a network of a
    plugin has for masks has any name.
    """
    for name in TWINS:
        target = getattr(policy, f"{name}_target", None)
        if target is None:
            continue
        buffers = dict(getattr(policy, name).named_buffers())
        for where, buffer in target.named_buffers():
            if where in buffers and _STATISTICS not in where:
                buffer.copy_(buffers[where])
