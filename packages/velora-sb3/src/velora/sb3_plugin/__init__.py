"""What velora-sb3 registers, through the hooks that any plugin uses.

It lies beside `velora.sb3`, since to import a module inside that package imports
Stable-Baselines3, and plugins are loaded for any question to a registry.
"""

from importlib.util import find_spec

from velora.plugins import Entry, Registry, hookimpl

ALGORITHMS = ("a2c", "ddpg", "dqn", "ppo", "sac", "td3")
CONTRIB = ("ars", "crossq", "maskable_ppo", "qrdqn", "recurrent_ppo", "tqc", "trpo")
"""Those of sb3-contrib, each as the module of `velora.sb3` that holds its policies."""
MEMORY = {
    "memory_dqn": "MemoryDQN",
    "memory_ppo": "MemoryPPO",
    "memory_sac": "MemorySAC",
}
"""Algorithms of our own, each by the module of `velora.sb3` that holds its policies."""
CELLS = {"LiquidPolicy": "liquid", "LSTMPolicy": "LSTM", "GRUPolicy": "GRU"}
"""The policies of each of those, and what their networks are."""


@hookimpl
def velora_register_policies(registry: Registry[Entry]) -> None:
    """Registers the policies of each algorithm as "algorithm.Policy"."""
    has_contrib = find_spec("sb3_contrib") is not None
    for algorithm in ALGORITHMS + (CONTRIB if has_contrib else ()):
        for policy, what in (("NCPPolicy", "sparse"), ("LiquidPolicy", "liquid")):
            if (algorithm, policy) == ("recurrent_ppo", "NCPPolicy"):
                continue  # it carries a state, and a sparse network has none
            registry.add(
                f"{algorithm}.{policy}",
                f"velora.sb3.{algorithm}:{policy}",
                summary=f"{what} networks for {algorithm.upper()}",
            )
    for module, algorithm in MEMORY.items():
        for policy, what in CELLS.items():
            registry.add(
                f"{module}.{policy}",
                f"velora.sb3.{module}:{policy}",
                summary=f"{what} networks for {algorithm}",
            )


@hookimpl
def velora_register_extractors(registry: Registry[Entry]) -> None:
    """Registers the features extractors."""
    registry.add(
        "NCPExtractor", "velora.sb3:NCPExtractor", summary="sparse features extractor"
    )
    registry.add(
        "LiquidExtractor", "velora.sb3:LiquidExtractor", summary="liquid extractor"
    )


@hookimpl
def velora_register_checks(registry: Registry[Entry]) -> None:
    """Registers the checks of policies and features extractors."""
    registry.add(
        "policy",
        "velora.sb3.testing:check_policy",
        summary="acts; saving it is no change",
    )
    registry.add(
        "extractor",
        "velora.sb3.testing:check_extractor",
        summary="gives the features it names",
    )
