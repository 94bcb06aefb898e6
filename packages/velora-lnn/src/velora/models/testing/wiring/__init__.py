"""Is a wiring right? All that Velora's networks rely on."""

from velora.models.testing.wiring.check import (
    MAKER_RULES,
    READY_RULES,
    check_wiring,
    check_wiring_entry,
)

__all__ = ["MAKER_RULES", "READY_RULES", "check_wiring", "check_wiring_entry"]
