"""What velora-lnn registers, through the hooks that any plugin uses."""

from velora.plugins import Entry, NetworkRegistry, Registry, hookimpl


@hookimpl
def velora_register_networks(registry: NetworkRegistry) -> None:
    """Registers the sparse network and the recurrent ones."""
    registry.add(
        "ncp",
        "velora.models.builders:build_ncp",
        summary="sparse feed-forward network with an NCP wiring",
    )
    registry.add(
        "liquid",
        "velora.models.builders:build_liquid",
        recurrent=True,
        summary="closed-form continuous-time (CfC) network with an NCP wiring",
    )
    registry.add(
        "gated-leaky",
        "velora.models.builders:build_gated_leaky",
        recurrent=True,
        summary="leaky integrators with learned rates and an NCP wiring",
    )
    registry.add(
        "lstm",
        "velora.models.torch_cells:LSTMNetwork",
        recurrent=True,
        summary="PyTorch's LSTM, without a wiring",
    )
    registry.add(
        "gru",
        "velora.models.torch_cells:GRUNetwork",
        recurrent=True,
        summary="PyTorch's GRU, without a wiring",
    )
    registry.add(
        "ltc",
        "velora.models.builders:build_ltc",
        recurrent=True,
        summary="liquid time-constant (LTC) neurons over a whole NCP wiring",
    )
    registry.add(
        "cfc",
        "velora.models.builders:build_cfc",
        recurrent=True,
        summary="dense closed-form continuous-time (CfC) cell, without a wiring",
    )
    registry.add(
        "cfc-layers",
        "velora.models.builders:build_cfc_layers",
        recurrent=True,
        summary="closed-form continuous-time (CfC) cells, one a layer of a wiring",
    )


@hookimpl
def velora_register_facts(registry: Registry[Entry]) -> None:
    """Registers what is known of compiled loops and kernels."""
    registry.add(
        "compiled loops",
        "velora.models.lnn.compiled.fact:compiled_loops",
        summary="whether numba compiles loops here, and why not",
    )
    registry.add(
        "GPU kernels",
        "velora.models.lnn.kernels.fact:gpu_kernels",
        summary="whether Triton compiles kernels for the GPU here, and why not",
    )


@hookimpl
def velora_register_checks(registry: Registry[Entry]) -> None:
    """Registers what proves a network and a wiring right."""
    registry.add(
        "network",
        "velora.models.testing.network:check_network_entry",
        summary="the rules of velora.models.testing.check_network",
    )
    registry.add(
        "wiring",
        "velora.models.testing.wiring:check_wiring_entry",
        summary="the rules of velora.models.testing.check_wiring",
    )
