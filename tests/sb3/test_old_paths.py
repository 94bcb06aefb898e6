"""What files and subclasses of before name is found where it was."""

from __future__ import annotations

import pickle
from importlib import import_module

import pytest

MOVED = {  # a new path, the old one, and what moved
    "common.actor_critic": (
        "actor_critic",
        "ActorCriticNetworks LiquidActorCriticPolicy NCPActorCriticPolicy",
    ),
    "common.actor_q_critic": (
        "actor_q_critic",
        "ActorQCriticNetworks Columns DeterministicActorNetworks GaussianActorNetworks",
    ),
    "common.algorithm": (
        "algorithm",
        "algorithm_being_set_up check_algorithm find_network",
    ),
    "common.contrib": (
        "contrib",
        "ARS ARSPolicy BatchRenorm1d CrossQ CrossQPolicy MaskableActorCriticPolicy "
        "MaskablePPO QRDQN QRDQNPolicy RNNStates RecurrentActorCriticPolicy "
        "RecurrentPPO TQC TQCPolicy TRPO",
    ),
    "common.default_extractor": ("features", "default_extractor warn_without_memory"),
    "common.network_body": ("body", "NetworkBody build_network"),
    "common.network_choice": ("choice", "NetworkChoice"),
    "common.policy": ("policy", "NetworkPolicy"),
    "common.windows": ("features", "WindowExtractor is_window"),
    "recurrent.lstm_states": ("stateful", "StatefulBody"),
    "recurrent.policies": ("recurrent_ppo", "RecurrentNetworks"),
    "recurrent_ppo": ("recurrent_ppo", "LiquidPolicy"),
}
RENAMED = {"StatefulBody": "PackedBody"}
NAMES = [
    (f"velora.sb3.{new}", f"velora.sb3.{old}", name)
    for new, (old, names) in MOVED.items()
    for name in names.split()
]


@pytest.mark.parametrize(("new", "old", "name"), NAMES)
def test_old_name_is_what_stands_at_the_new_path(new: str, old: str, name: str) -> None:
    moved = getattr(import_module(new), RENAMED.get(name, name))
    assert getattr(import_module(old), name) is moved
    # As an older version has pickled it.
    assert pickle.loads(f"c{old}\n{name}\n.".encode()) is moved
