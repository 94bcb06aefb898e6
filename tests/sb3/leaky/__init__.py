"""A recurrence as somebody would add it: one folder, and one registration.

CONTRIBUTING.md's recipe "add a cell" points here.
"""

from leaky.network import LeakyNCPNetwork, build_leaky

__all__ = ["LeakyNCPNetwork", "build_leaky"]
