"""Old path of `velora.sb3.common.network_body`, for saved files and subclasses."""

from velora.sb3.common.network_body import NetworkBody, build_network

__all__ = ["NetworkBody", "build_network"]
