"""Old path of `velora.sb3.common.network_choice`, for saved files and subclasses."""

from velora.sb3.common.network_choice import NetworkChoice

__all__ = ["NetworkChoice"]
