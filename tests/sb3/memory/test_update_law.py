"""An update sees what the rollout saw: values, probabilities, and nothing else."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from memory_agents import (
    CRITICS,
    Observed,
    learn,
    make_model,
    masked,
    on_train,
    ragged,
)
from recurrent_agents import FLAT, IMAGE, SMALL_FEATURES, TIMED
from torch import nn

pytestmark = pytest.mark.usefixtures("toy_networks")

LAW: list[Any] = [
    ({"network": network, "critic": critic} | timed, actions, {})
    for network, critic, timed, actions in product(
        ("gated-leaky", "liquid", "test-pair"),
        CRITICS,
        ({}, {"timespan_key": "dt"}),
        ("box", "discrete"),
    )
]
LAW += [
    ({"network": "lstm"}, "box", {}),
    ({"network": "gru", "critic": "shared"}, "discrete", {}),
    ({"network": "test-learned"}, "box", {}),
    ({"network": "test-counter"}, "box", {}),
    ({"n_neurons": {"pi": 13, "vf": 20}}, "multi_discrete", {}),
    ({"network_kwargs": {"norm": nn.LayerNorm}}, "multi_binary", {}),
    ({"share_features_extractor": False}, "box", {}),
    *(
        ({"network": network, "critic": critic}, "box", {"use_sde": True})
        for network, critic in product(
            ("gated-leaky", "lstm", "test-pair", "test-shown"), CRITICS
        )
    ),
    ({}, "box", {"use_sde": True, "sde_sample_freq": 4}),
    ({"squash_output": True}, "box", {"use_sde": True}),
]


def check_law(model: Any) -> None:
    """Compares every minibatch of two rollouts with what the rollouts found."""
    rollouts = []

    def check() -> None:
        rollout = model.rollout_buffer
        rollouts.append(rollout.episode_starts.copy())
        for batch_size in (model.sequence_length or 24, 48, 72):
            seen = 0
            for data in rollout.get(batch_size):
                values, log_prob, _ = model.policy.evaluate_actions(
                    data.observations, data.actions
                )
                ratio = torch.exp(log_prob - data.old_log_prob)
                assert (ratio - 1).abs().max() < 1e-5
                old = data.old_values
                torch.testing.assert_close(values, old, rtol=1e-5, atol=1e-5)
                seen += len(values)
            assert seen == 72

    on_train(model, check)
    learn(model)
    assert len(rollouts) == 2
    assert rollouts[0][1:].any()  # episodes that start within


@pytest.mark.parametrize("length", [None, 4])
@pytest.mark.parametrize(("options", "actions", "settings"), LAW, ids=str)
def test_update_starts_from_the_probabilities_and_values_of_the_rollout(
    options: dict[str, Any], actions: str, settings: dict[str, Any], length: int | None
) -> None:
    env = ragged(TIMED if "timespan_key" in options else FLAT, actions)
    check_law(
        make_model(env, policy_kwargs=options, sequence_length=length, **settings)
    )


@pytest.mark.parametrize("actions", ["discrete", "multi_discrete", "multi_binary"])
@pytest.mark.parametrize("length", [None, 4])
def test_so_it_does_with_masks(actions: str, length: int | None) -> None:
    check_law(make_model(masked(actions), sequence_length=length))
    observed = {"mask_key": "valid"}
    env = masked(actions, kind=Observed)
    check_law(make_model(env, policy_kwargs=observed, sequence_length=length))


def test_so_it_does_with_images() -> None:
    options = SMALL_FEATURES | {"normalize_images": False}
    check_law(make_model(ragged(IMAGE), policy_kwargs=options, sequence_length=12))
