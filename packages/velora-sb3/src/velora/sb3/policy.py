"""Old path of `velora.sb3.common.policy`, for saved files and subclasses."""

from velora.sb3.common.policy import NetworkPolicy

__all__ = ["NetworkPolicy"]
