"""What velora-sb3 registers, through the hooks that any plugin uses."""

from velora.plugins import Entry, Registry, hookimpl
from velora.sb3 import a2c, ppo
from velora.sb3.extractors import LiquidExtractor, NCPExtractor


@hookimpl
def velora_register_policies(registry: Registry[Entry]) -> None:
    """Registers the policies of each algorithm as "algorithm.Policy"."""
    for algorithm, module in (("ppo", ppo), ("a2c", a2c)):
        for name, what in (("NCPPolicy", "sparse"), ("LiquidPolicy", "liquid")):
            registry.add(
                f"{algorithm}.{name}",
                getattr(module, name),
                summary=f"{what} actor and critic for {algorithm.upper()}",
            )


@hookimpl
def velora_register_extractors(registry: Registry[Entry]) -> None:
    """Registers the features extractors."""
    registry.add("NCPExtractor", NCPExtractor, summary="sparse features extractor")
    registry.add("LiquidExtractor", LiquidExtractor, summary="liquid extractor")
