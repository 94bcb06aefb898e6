"""Old path of `velora.sb3.common.windows` and `default_extractor` beside it."""

from velora.sb3.common.default_extractor import default_extractor, warn_without_memory
from velora.sb3.common.windows import WindowExtractor, is_window

__all__ = ["WindowExtractor", "default_extractor", "is_window", "warn_without_memory"]
