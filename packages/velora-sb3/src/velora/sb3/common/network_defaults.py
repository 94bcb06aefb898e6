"""What policies ask of our own networks unless they are told otherwise.

A user changes one word, "MlpPolicy", and keeps the settings that were chosen for it. So
that they fit, a network must start as far from its targets as Stable-Baselines3's dense
layers do, and move as far with a step of the optimizer. Networks alone and those of
plugins have none of this. Those that have something to remember start as they are made,
from which they learn more steadily, and are told which they are, and of which size.
`benchmarks/dropin.py` and `benchmarks/novel.py` measure it, docs/policies.md has the
reasons; an agent keeps the defaults that it was made with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Options = Mapping[str, Any]
Defaults = Mapping[str, Mapping[str, Options]]  # by network and role

ROLES = ("pi", "vf", "qf", "features")
ON_POLICY, ACTOR_Q_CRITIC, Q_VALUES = "on-policy", "actor and Q-critic", "Q-values"
QUANTILES = "actor and quantiles' critic"
MEMORY = "memory"  # of any of them, over windows and in algorithms with memory


def _synaptic(n_neurons: int, motor: float, command: float, **options: Any) -> Options:
    """Returns options of a network whose weights keep the variance of their inputs."""
    gain = {"inter": math.sqrt(2), "command": command, "motor": motor}
    return {"n_neurons": n_neurons, "init_type": "synaptic", "gain": gain, **options}


# Two are not for the network's builder: "for_layers", of how many neurons in an MLP's
# hidden layers these many stand for (so settings with larger ones get more), and
# "dense_steps", for the optimizer that a policy makes, with a reason in
# `velora.sb3.common.optimizers`.
def _ncp(motor: float, n_neurons: int = 128, **options: Any) -> Options:
    return _synaptic(n_neurons, motor, math.sqrt(2), activation="tanh", **options)


def _recurrent(n_neurons: int, motor: float) -> Options:
    return _synaptic(n_neurons, motor, 1.0)  # a cell squashes by itself


# The motor neurons of an actor start near zero, so that no action is preferred; those
# of a critic, and features, on the scale of what they read. As Stable-Baselines3 starts
# its on-policy policies (Andrychowicz et al. 2021, "What matters for on-policy deep
# actor-critic methods?").
_ACTOR, _CRITIC = 0.01, 1.0

# The layers in the settings that the defaults were chosen with.
_OF_64, _OF_256 = 64 + 64, 256 + 256

_WITH_STATE = {
    network: {"pi": _recurrent(64, _ACTOR), "qf": _recurrent(64, _CRITIC)}
    for network in ("liquid", "gated-leaky")
}

DEFAULTS: Mapping[str, Defaults] = {
    ON_POLICY: {
        "ncp": {
            "pi": _ncp(_ACTOR, for_layers=_OF_64, dense_steps=True),
            "vf": _ncp(_CRITIC, for_layers=_OF_64, dense_steps=True),
            "features": _ncp(_CRITIC),
        },
        "liquid": {
            "pi": _recurrent(128, _ACTOR),
            "vf": _recurrent(128, _CRITIC),
            "features": _recurrent(128, _CRITIC),
        },
        "gated-leaky": {
            "pi": _recurrent(128, _ACTOR),
            "vf": _recurrent(128, _CRITIC),
            "features": _recurrent(128, _CRITIC),
        },
    },
    ACTOR_Q_CRITIC: {
        "ncp": {
            "pi": _ncp(_ACTOR, for_layers=_OF_256),
            "qf": _ncp(_CRITIC, for_layers=_OF_256),
        },
        **_WITH_STATE,
    },
    # A single value reads every command neuron, a quantile half of them: twice as many
    # make up for it.
    QUANTILES: {
        "ncp": {
            "pi": _ncp(_ACTOR, for_layers=_OF_256),
            "qf": _ncp(_CRITIC, 256, for_layers=_OF_256),
        },
        **_WITH_STATE,
    },
    # Values grow to hundreds, where tanh no longer tells states apart: the networks'
    # own activation and initial values, and more neurons.
    Q_VALUES: {
        "ncp": {"qf": {"n_neurons": 256, "for_layers": _OF_256}},
        "liquid": {"qf": {"n_neurons": 128}},
        "gated-leaky": {"qf": {"n_neurons": 128}},
    },
    # The first network is that of "LiquidPolicy".
    MEMORY: {"gated-leaky": {role: {"n_neurons": 150} for role in ROLES}},
}
ONCE_IN = {QUANTILES: ACTOR_Q_CRITIC}
"""Newer families, and which family older agents have in their place."""
