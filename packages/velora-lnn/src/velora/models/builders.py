"""Builders of the networks that velora-lnn registers, called by any policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from velora.models.lnn.cfc_modes.layers import CfCLayersNetwork
from velora.models.lnn.cfc_modes.mixed_memory import MixedMemory
from velora.models.lnn.cfc_modes.network import CfCNetwork
from velora.models.lnn.gated_leaky.network import GatedLeakyNCPNetwork
from velora.models.lnn.ltc.network import LTCNetwork
from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork
from velora.models.lnn.wiring_argument import WiringChoice, is_ready


def build_ncp(
    in_features: int,
    out_features: int,
    *,
    n_neurons: int | None = None,
    norm: Callable[[int], nn.Module] | None = None,
    device: torch.device | str | None = None,
    **options: Any,
) -> NCPNetwork:
    """Builds an `NCPNetwork`, with 64 decision neurons unless told otherwise."""
    n_neurons = _default_size(n_neurons, options)
    return NCPNetwork(
        in_features, n_neurons, out_features, norm=norm, device=device, **options
    )


def build_liquid(
    in_features: int,
    out_features: int,
    *,
    n_neurons: int | None = None,
    norm: Callable[[int], nn.Module] | None = None,
    device: torch.device | str | None = None,
    **options: Any,
) -> LiquidNCPNetwork:
    """Builds a `LiquidNCPNetwork`, with 64 decision neurons unless told otherwise."""
    n_neurons = _default_size(n_neurons, options)
    return LiquidNCPNetwork(
        in_features, n_neurons, out_features, norm=norm, device=device, **options
    )


def build_gated_leaky(
    in_features: int,
    out_features: int,
    *,
    n_neurons: int | None = None,
    norm: Callable[[int], nn.Module] | None = None,
    device: torch.device | str | None = None,
    **options: Any,
) -> GatedLeakyNCPNetwork:
    """Builds a `GatedLeakyNCPNetwork`, of 64 decision neurons unless told otherwise."""
    n_neurons = _default_size(n_neurons, options)
    return GatedLeakyNCPNetwork(
        in_features, n_neurons, out_features, norm=norm, device=device, **options
    )


def build_ltc(
    in_features: int,
    out_features: int,
    *,
    n_neurons: int | None = None,
    sparsity_level: float = 0.5,
    wiring: WiringChoice = None,
    ode_unfolds: int = 6,
    positive: bool = True,
    mixed_memory: bool = False,
    device: torch.device | str | None = None,
) -> LTCNetwork | MixedMemory:
    """Builds an `LTCNetwork`, with 64 decision neurons unless told otherwise.

    With `mixed_memory` it is in a `MixedMemory`.
    """
    options = {"sparsity_level": sparsity_level, "wiring": wiring}
    n_neurons = _default_size(n_neurons, options)
    network = LTCNetwork(
        in_features,
        n_neurons,
        out_features,
        sparsity_level=sparsity_level,
        wiring=wiring,
        ode_unfolds=ode_unfolds,
        positive=positive,
        device=device,
    )
    return MixedMemory(network) if mixed_memory else network


def build_cfc(
    in_features: int,
    out_features: int | None,
    *,
    n_neurons: int = 64,
    mixed_memory: bool = False,
    device: torch.device | str | None = None,
    **options: Any,
) -> CfCNetwork | MixedMemory:
    """Builds a `CfCNetwork`, with `mixed_memory` in a `MixedMemory`."""
    network = CfCNetwork(
        in_features, out_features, n_neurons=n_neurons, device=device, **options
    )
    return MixedMemory(network) if mixed_memory else network


def build_cfc_layers(
    in_features: int,
    out_features: int,
    *,
    n_neurons: int | None = None,
    mixed_memory: bool = False,
    device: torch.device | str | None = None,
    **options: Any,
) -> CfCLayersNetwork | MixedMemory:
    """Builds a `CfCLayersNetwork`, with 64 decision neurons unless told otherwise.

    With `mixed_memory` it is in a `MixedMemory`.
    """
    n_neurons = _default_size(n_neurons, options)
    network = CfCLayersNetwork(
        in_features, n_neurons, out_features, device=device, **options
    )
    return MixedMemory(network) if mixed_memory else network


def _default_size(n_neurons: int | None, options: dict[str, Any]) -> int | None:
    """Returns 64 decision neurons where neither they nor a ready wiring are given."""
    has_its_own = is_ready(options.get("wiring"))
    return 64 if n_neurons is None and not has_its_own else n_neurons
