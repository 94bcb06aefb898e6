"""The networks and the wiring of ncps, by name: "ncps-cfc", "ncps-ltc", "auto-ncp"."""

from velora.plugins import Entry, NetworkRegistry, Registry, hookimpl
from velora_ncps.network import NcpsNetwork, build_cfc, build_ltc
from velora_ncps.wiring import AutoNCPWiring, build_auto_ncp

__all__ = [
    "AutoNCPWiring",
    "NcpsNetwork",
    "build_auto_ncp",
    "build_cfc",
    "build_ltc",
]


@hookimpl
def velora_register_networks(registry: NetworkRegistry) -> None:
    """Registers the two recurrent networks."""
    registry.add(
        "ncps-cfc",
        build_cfc,
        recurrent=True,
        summary="ncps' closed-form continuous-time (CfC) cells with AutoNCP",
    )
    registry.add(
        "ncps-ltc",
        build_ltc,
        recurrent=True,
        summary="ncps' liquid time-constant (LTC) cell with AutoNCP",
    )


@hookimpl
def velora_register_wirings(registry: Registry[Entry]) -> None:
    """Registers the wiring."""
    registry.add("auto-ncp", build_auto_ncp, summary="the NCP wiring of ncps' AutoNCP")
