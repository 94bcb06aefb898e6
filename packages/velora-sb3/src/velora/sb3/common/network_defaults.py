"""What policies ask of our own networks unless they are told otherwise.

A user changes one word, "MlpPolicy", and keeps the settings that were chosen for it. So
that they fit, our networks start as far from their targets as Stable-Baselines3's dense
ones do and move as far with a step of the optimizer. Networks alone, and those of
plugins, have none of this. Measured by `benchmarks/dropin.py`; docs/policies.md has the
reasons.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Options = Mapping[str, Any]
Defaults = Mapping[str, Mapping[str, Options]]  # by network and role

ON_POLICY, ACTOR_Q_CRITIC, Q_VALUES = "on-policy", "actor and Q-critic", "Q-values"


def _ncp(n_neurons: int, activation: str, motor_gain: float) -> Options:
    """Returns options with weights that keep the variance, up to the motor neurons."""
    hidden = math.sqrt(2)
    return {
        "n_neurons": n_neurons,
        "activation": activation,
        "init_type": "synaptic",
        "gain": {"inter": hidden, "command": hidden, "motor": motor_gain},
    }


DEFAULTS: Mapping[str, Defaults] = {
    # As Stable-Baselines3's own orthogonal start: tanh, actions that begin near 0.
    ON_POLICY: {
        "ncp": {
            "pi": _ncp(128, "tanh", 0.01),
            "vf": _ncp(128, "tanh", 1.0),
            "features": _ncp(128, "tanh", 1.0),
        },
    },
    ACTOR_Q_CRITIC: {
        "ncp": {
            "pi": _ncp(128, "tanh", 0.01),
            "qf": _ncp(128, "tanh", 1.0),
        },
    },
    # Tanh is wrong here, as values grow beyond what it tells apart.
    Q_VALUES: {
        "ncp": {"qf": _ncp(256, "mish", 1.0)},
    },
}
