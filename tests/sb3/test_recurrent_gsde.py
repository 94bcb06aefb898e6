"""gSDE explores by what a recurrent network remembers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recurrent_agents import follow, learn, make_model, sequence

pytestmark = pytest.mark.usefixtures("toy_networks")


@pytest.mark.parametrize(
    ("network", "size"),
    [("liquid", 4), ("gated-leaky", 60), ("test-shown", 13), ("test-pair", 3)],
)
def test_gsde_explores_with_noise_of_states_that_are_shown(
    network: str, size: int
) -> None:
    options = {"network": network, "log_std_init": -1.5}
    model = make_model(policy_kwargs=options, use_sde=True, sde_sample_freq=4)
    assert torch.equal(model.policy.log_std, torch.full((size, 3), -1.5))
    *past, obs = sequence(learn(model))
    _, state = follow(model, past)
    noisy, after = model.predict(obs, state)
    np.testing.assert_array_equal(noisy, model.predict(obs, state)[0])  # until reset

    # "test-pair" does not show its states: the noise is one of the features.
    of = torch.as_tensor(np.concatenate([s.reshape(3, -1) for s in after], axis=1))
    of = torch.as_tensor(obs) if network == "test-pair" else of
    mean = model.policy.networks["pi"].forward_sequence(
        torch.as_tensor(obs)[None],
        tuple(map(torch.as_tensor, state))
        if network not in ("liquid", "gated-leaky")
        else torch.as_tensor(state[0]),
        resets=torch.zeros(1, 3, dtype=torch.bool),
    )[0][0]
    noise = model.policy.action_dist.get_noise(of)
    expected = (mean + noise).detach().clip(-1, 1)
    np.testing.assert_allclose(noisy, expected, atol=1e-6)

    model.policy.reset_noise(3)
    assert not np.allclose(model.predict(obs, state)[0], noisy)


def test_states_of_another_shape_are_refused() -> None:
    options = {"network": "test-misshown"}
    assert learn(make_model(policy_kwargs=options))  # nobody asks for them
    model = make_model(policy_kwargs=options, use_sde=True)
    text = r"Misshown .*\(1, 3, 2, 5\), \(1, 3, 3\)\]; got \[\(3, 2, 5\), \(3, 3\)\]"
    with pytest.raises(ValueError, match=text):
        model.predict(sequence(model, 1)[0])


def test_squashed_actions_stay_within_their_bounds() -> None:
    options = {"squash_output": True, "network_kwargs": {"gain": 5.0}}
    model = learn(make_model(policy_kwargs=options, use_sde=True))
    obs = 50 * np.stack(sequence(model))
    outputs, _ = model.policy.networks["pi"].forward_sequence(torch.as_tensor(obs))
    assert outputs.abs().max() > 1
    actions, _ = follow(model, list(obs))
    np.testing.assert_allclose(actions, outputs.detach().tanh(), atol=1e-5)
