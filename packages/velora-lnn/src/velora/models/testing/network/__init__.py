"""Is a network right? All that Velora's policies and algorithms rely on.

`velora.models.protocol` says in types what a network offers; the rules here hold it to
that, and to what no type can say.
"""

from velora.models.testing.network.check import (
    NETWORK_RULES,
    STATE_RULES,
    check_network,
    check_network_entry,
)

__all__ = ["NETWORK_RULES", "STATE_RULES", "check_network", "check_network_entry"]
