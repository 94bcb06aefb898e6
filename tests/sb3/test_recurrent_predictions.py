"""Predictions of RecurrentPPO carry the state of each environment."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recurrent_agents import each_network, follow, make_model, sequence

pytestmark = pytest.mark.usefixtures("toy_networks")


@each_network
@pytest.mark.parametrize("n_envs", [1, 3])
def test_predictions_step_by_step_are_those_of_the_sequence(
    network: str, n_envs: int
) -> None:
    model = make_model(policy_kwargs={"network": network})
    obs = np.stack(sequence(model, 9, n_envs))  # (T, B, F)
    starts = np.random.default_rng(0).random((9, n_envs)) < 0.3
    assert starts[1:].any()
    outputs, after = model.policy.networks["pi"].forward_sequence(
        torch.as_tensor(obs), resets=torch.as_tensor(starts)
    )
    actions, state = follow(model, list(obs), starts)
    expected = outputs.detach().clip(-1, 1)
    np.testing.assert_allclose(actions, expected, atol=1e-6)
    after = after if isinstance(after, tuple) else (after,)
    for part, last in zip(state, after, strict=True):
        np.testing.assert_allclose(part, last.detach(), atol=1e-6)
    if n_envs == 1:  # an environment alone has no batch
        np.testing.assert_array_equal(
            follow(model, list(obs[:, 0]), starts)[0], actions[:, 0]
        )


@each_network
def test_episode_start_resets_its_environment_alone(network: str) -> None:
    model = make_model(policy_kwargs={"network": network})
    *past, now = sequence(model)
    _, state = follow(model, past)
    fresh, first = model.predict(now, deterministic=True)
    kept, carried = model.predict(now, state, np.zeros(3, bool), True)
    np.testing.assert_array_equal(kept, model.predict(now, state, None, True)[0])
    assert (kept != fresh).any(axis=1).all()
    rows = np.array([False, True, False])
    actions, mixed = model.predict(now, state, rows, True)
    for got, where_reset, elsewhere in zip(
        (actions, *mixed), (fresh, *first), (kept, *carried), strict=True
    ):
        assert len(got) == 3  # environments first
        np.testing.assert_allclose(got[rows], where_reset[rows], atol=1e-6)
        np.testing.assert_allclose(got[~rows], elsewhere[~rows], atol=1e-6)


@each_network
def test_no_state_is_what_the_network_starts_from(network: str) -> None:
    model = make_model(policy_kwargs={"network": network})
    start = model.policy.networks["pi"].initial_state(3)
    start = start if isinstance(start, tuple) else (start,)
    obs = sequence(model, 1)[0]
    given = tuple(part.detach().numpy() for part in start)
    expected, _ = model.predict(obs, given, None, True)
    for begins in (None, np.zeros(3, bool), np.ones(3, bool)):
        actions, _ = model.predict(obs, None, begins, True)
        np.testing.assert_allclose(actions, expected, atol=1e-6)
