"""The modes of a closed-form continuous-time (CfC) cell: what it makes of its heads."""

from velora.models.lnn.cfc_modes.modes.default import DEFAULT
from velora.models.lnn.cfc_modes.modes.mode import Mode
from velora.models.lnn.cfc_modes.modes.no_gate import NO_GATE
from velora.models.lnn.cfc_modes.modes.pure import PURE

__all__ = ["DEFAULT", "NO_GATE", "PURE", "Mode"]
