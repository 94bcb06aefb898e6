"""The decorators that mark hooks; both sides of a hook share the project's name."""

import pluggy

PROJECT = "velora"
"""Name of the pluggy project, and of the entry-point group plugins are found in."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
