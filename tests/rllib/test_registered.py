"""A network that somebody registers, with a state as odd as it may be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from rllib_modules import config, module
from torch import Tensor, nn

from velora.plugins import networks

State = tuple[Tensor, Tensor]


class Counting(nn.Module):
    """Sums inputs up in a (B, 2, F) state, and counts steps in a (B,) one."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        n_neurons: int = 1,
        device: Any = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.motor = nn.Linear(2 * in_features + 1, out_features, device=device)

    def initial_state(self, batch_size: int) -> State:
        sums = self.motor.weight.new_zeros(batch_size, 2, self.in_features)
        return sums, torch.zeros(batch_size, dtype=torch.int64)

    def forward_sequence(
        self, x: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        sums, count = self.initial_state(x.shape[1]) if state is None else state
        if count.dtype != torch.int64:
            raise TypeError(f"a count must come back as it was; got {count.dtype}")
        outputs = []
        for now in x:
            sums, count = sums + torch.stack([now, -now], dim=1), count + 1
            seen = torch.cat([sums.flatten(1), count[:, None].float()], dim=1)
            outputs.append(self.motor(seen / 10))
        return torch.stack(outputs), (sums, count)


@pytest.fixture(scope="module", autouse=True)
def registered() -> None:
    networks().add("counting", Counting, recurrent=True, summary="counts steps")


def test_parts_of_a_state_keep_shape_and_dtype() -> None:
    made = module("counting")
    out = made.forward_exploration({"obs": torch.ones(5, 3, 4)})
    sums, count = (out["state_out"]["actor"][name] for name in ("0", "1"))
    assert sums.shape == (5, 2, 4)
    assert count.tolist() == [3] * 5


@pytest.mark.usefixtures("cluster")
def test_it_trains_on_what_was_explored() -> None:
    algo = config("counting", lr=0.0).build_algo()
    try:
        for _ in range(2):
            learned = algo.train()["learners"]["default_policy"]
            assert abs(learned["mean_kl_loss"]) < 1e-6
        (episode, *_) = algo.env_runner.sample(num_episodes=1)
        counts = episode.get_extra_model_outputs("state_out")["actor"]["1"]
        assert counts.tolist() == list(range(1, len(episode) + 1))
    finally:
        algo.stop()
