"""Sizes and initial values that go with PPO's settings, where none are given.

Those of velora-sb3's on-policy policies: a network of ours without memory starts as
Stable-Baselines3's dense layers do, and moves as far with a step of the optimizer. One
that remembers starts as it is made, and so does one of a plugin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from velora.models.lnn.wiring_argument import is_ready
from velora.plugins import NetworkEntry

_INIT_TYPE = "synaptic"
# An actor's motor neurons start near zero, so that no action is preferred, a critic's
# on the scale of what they read (Andrychowicz et al. 2021, "What matters for on-policy
# deep actor-critic methods?").
_MOTOR_GAINS = {"pi": 0.01, "vf": 1.0}


def defaults(
    role: str, entry: NetworkEntry, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the defaults of a role, "pi" or "vf", that go with what is given."""
    if entry.name != "ncp" or entry.distribution != "velora-lnn":
        return {}
    root = math.sqrt(2)
    found: dict[str, Any] = {"activation": "tanh", "init_type": _INIT_TYPE}
    if not is_ready(given.get("wiring")):  # which has a size of its own
        found["n_neurons"] = 128
    if given.get("init_type", _INIT_TYPE) == _INIT_TYPE:
        motor = _MOTOR_GAINS[role]
        found["gain"] = {"inter": root, "command": root, "motor": motor}
    return found
