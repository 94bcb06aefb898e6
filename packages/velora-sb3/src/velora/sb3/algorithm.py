"""Old path of `velora.sb3.common.algorithm`, for saved files and subclasses."""

from velora.sb3.common.algorithm import (
    algorithm_being_set_up,
    check_algorithm,
    find_network,
)

__all__ = ["algorithm_being_set_up", "check_algorithm", "find_network"]
