"""The modules of ncps, with their weights, as ours."""

from velora.models.modules.of_ncps.taking import from_ncps

__all__ = ["from_ncps"]
