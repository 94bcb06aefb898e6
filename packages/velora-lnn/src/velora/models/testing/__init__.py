"""What authors call in a test: is this network right, is this wiring?"""

from velora.models.testing.network import check_network
from velora.models.testing.wiring import check_wiring

__all__ = ["check_network", "check_wiring"]
