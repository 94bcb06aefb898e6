from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from ray.rllib.utils.numpy import convert_to_numpy
from ray.rllib.utils.spaces.space_utils import batch
from ray.rllib.utils.torch_utils import convert_to_torch_tensor
from rllib_modules import module

from velora.rllib.observations import flat, n_features

OBSERVED: dict[str, spaces.Space[Any]] = {
    "box": spaces.Box(-1, 1, (3,), np.float32),
    "number": spaces.Box(-1, 1, (), np.float64),
    "image": spaces.Box(0, 255, (2, 3, 1), np.uint8),
    "discrete": spaces.Discrete(4, start=-2),
    "multi-discrete": spaces.MultiDiscrete([2, 3], start=[5, -1]),
    "table of choices": spaces.MultiDiscrete([[2, 3], [4, 1]]),
    "bits": spaces.MultiBinary((2, 2)),
    "dict": spaces.Dict(b=spaces.Discrete(3), a=spaces.Box(-1, 1, (2, 2))),
    "tuple": spaces.Tuple((spaces.Discrete(2), spaces.Dict(x=spaces.MultiBinary(2)))),
}
ACTED: dict[str, tuple[spaces.Space[Any], int]] = {
    "discrete": (spaces.Discrete(3), 3),
    "multi-discrete": (spaces.MultiDiscrete([2, 3]), 5),
    "box": (spaces.Box(-1, 1, (2,), np.float32), 4),
}


@pytest.mark.parametrize("space", OBSERVED.values(), ids=OBSERVED)
def test_observations_are_flattened_as_gymnasium_does(space: spaces.Space[Any]) -> None:
    space.seed(0)
    samples = [space.sample() for _ in range(6)]
    rows = flat(space, convert_to_torch_tensor(batch(samples)))
    expected = np.stack([spaces.flatten(space, sample) for sample in samples])
    assert rows.dtype == torch.float32
    np.testing.assert_array_equal(convert_to_numpy(rows), expected.astype(np.float32))
    assert rows.shape == (6, n_features(space))
    in_time = [batch(samples[:3]), batch(samples[3:])]
    sequences = flat(space, convert_to_torch_tensor(batch(in_time)))
    torch.testing.assert_close(sequences, rows.reshape(2, 3, -1))


@pytest.mark.parametrize(("space", "n_inputs"), ACTED.values(), ids=ACTED)
def test_sampled_actions_are_in_the_space(
    space: spaces.Space[Any], n_inputs: int
) -> None:
    made = module("ncp", action_space=space)
    inputs = made.forward_exploration({"obs": torch.randn(8, 4)})["action_dist_inputs"]
    assert inputs.shape == (8, n_inputs)
    distribution = made.get_exploration_action_dist_cls().from_logits(inputs)
    for action in convert_to_numpy(distribution.sample()):
        assert np.shape(action) == space.shape
        assert isinstance(space, spaces.Box) or space.contains(action)
    assert distribution.logp(distribution.sample()).shape == (8,)
    assert distribution.entropy().shape == (8,)
