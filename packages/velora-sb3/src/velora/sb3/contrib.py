"""Old path of `velora.sb3.common.contrib`, for saved files and subclasses."""

from velora.sb3.common.contrib import *  # noqa: F403  # all that it lists
from velora.sb3.common.contrib import __all__ as __all__
