"""What velora-wiring registers, through the hooks that any plugin uses."""

from velora.plugins import Entry, Registry, hookimpl
from velora.wiring.wiring import Wiring


@hookimpl
def velora_register_wirings(registry: Registry[Entry]) -> None:
    """Registers the NCP rule."""
    registry.add("ncp", Wiring, summary="the NCP rule of Lechner et al. 2020")
