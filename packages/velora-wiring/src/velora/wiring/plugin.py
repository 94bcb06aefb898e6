"""What velora-wiring registers, through the hooks that any plugin uses."""

from velora.plugins import Entry, Registry, hookimpl


@hookimpl
def velora_register_wirings(registry: Registry[Entry]) -> None:
    """Registers the NCP rule and those that it is compared with."""
    registry.add(
        "ncp", "velora.wiring:Wiring", summary="the NCP rule of Lechner et al. 2020"
    )
    registry.add(
        "dense", "velora.wiring:dense", summary="everybody (Rumelhart et al. 1986)"
    )
    registry.add(
        "random", "velora.wiring:random", summary="chance, G(n, p) (Gilbert 1959)"
    )
    registry.add(
        "small-world",
        "velora.wiring:small_world",
        summary="neighbours and a few far ones (Watts and Strogatz 1998)",
    )
