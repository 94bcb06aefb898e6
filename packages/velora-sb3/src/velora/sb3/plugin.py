"""What velora-sb3 registers, through the hooks that any plugin uses."""

from types import ModuleType

import velora.sb3
from velora.plugins import Entry, Registry, hookimpl
from velora.sb3 import LiquidExtractor, NCPExtractor
from velora.sb3.testing import check_extractor, check_policy


@hookimpl
def velora_register_policies(registry: Registry[Entry]) -> None:
    """Registers the policies of each algorithm as "algorithm.Policy"."""
    for algorithm in velora.sb3.__all__:
        module = getattr(velora.sb3, algorithm)
        if not isinstance(module, ModuleType):
            continue
        for name, what in (("NCPPolicy", "sparse"), ("LiquidPolicy", "liquid")):
            if policy := getattr(module, name, None):
                registry.add(
                    f"{algorithm}.{name}",
                    policy,
                    summary=f"{what} networks for {algorithm.upper()}",
                )


@hookimpl
def velora_register_extractors(registry: Registry[Entry]) -> None:
    """Registers the features extractors."""
    registry.add("NCPExtractor", NCPExtractor, summary="sparse features extractor")
    registry.add("LiquidExtractor", LiquidExtractor, summary="liquid extractor")


@hookimpl
def velora_register_checks(registry: Registry[Entry]) -> None:
    """Registers the checks of policies and features extractors."""
    registry.add("policy", check_policy, summary="acts; saving it is no change")
    registry.add("extractor", check_extractor, summary="gives the features it names")
