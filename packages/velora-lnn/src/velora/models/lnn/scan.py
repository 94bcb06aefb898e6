"""The public path of the closed-form continuous-time (CfC) recurrence over time."""

from velora.models.lnn.cfc.scan import scan

__all__ = ["scan"]
