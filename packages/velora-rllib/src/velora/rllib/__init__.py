"""Velora's networks as modules of Ray RLlib, for more than one machine.

    RLModuleSpec(module_class=NetworkModule, model_config=dict(network="liquid"))

in an algorithm's configuration is all. `to_network` and `save_network` take the network
out of a checkpoint again.
"""

from velora.rllib.checkpoint import save_network, to_network
from velora.rllib.module import NetworkModule
from velora.rllib.network_config import NetworkConfig

__version__ = "0.1.0"

__all__ = ["NetworkConfig", "NetworkModule", "save_network", "to_network"]
