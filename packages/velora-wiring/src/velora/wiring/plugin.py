"""What velora-wiring registers, through the hooks that any plugin uses."""

from velora.plugins import Entry, Registry, hookimpl
from velora.wiring.dense import dense
from velora.wiring.random_graph import random
from velora.wiring.small_world import small_world
from velora.wiring.wiring import Wiring


@hookimpl
def velora_register_wirings(registry: Registry[Entry]) -> None:
    """Registers the NCP rule and those that it is compared with."""
    registry.add("ncp", Wiring, summary="the NCP rule of Lechner et al. 2020")
    registry.add("dense", dense, summary="everybody (Rumelhart et al. 1986)")
    registry.add("random", random, summary="chance, G(n, p) (Gilbert 1959)")
    registry.add(
        "small-world",
        small_world,
        summary="neighbours and a few far ones (Watts and Strogatz 1998)",
    )
