"""Networks in files of numbers: safetensors, from which no code can run."""

from velora.models.storage.network_file import load_network, save_network

__all__ = ["load_network", "save_network"]
