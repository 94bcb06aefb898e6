"""Seeds, devices, memory and parameter counts."""

from velora.plugins.version import __version__
from velora.utils.device import set_device
from velora.utils.memory import check_memory
from velora.utils.parameters import active_parameters, total_parameters
from velora.utils.seed import set_seed

__all__ = [
    "__version__",
    "active_parameters",
    "check_memory",
    "set_device",
    "set_seed",
    "total_parameters",
]
