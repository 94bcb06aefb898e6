"""One choice of several is Stable-Baselines3's distribution, in fewer operations."""

from __future__ import annotations

import torch
from stable_baselines3.common.distributions import CategoricalDistribution

from velora.sb3.memory.categorical import FewOperations


def test_it_says_what_the_one_of_stable_baselines3_says() -> None:
    logits = torch.randn(50, 4).double()
    actions = torch.randint(4, (50,))
    ours, theirs = (
        kind(4).proba_distribution(logits)
        for kind in (FewOperations, CategoricalDistribution)
    )
    torch.testing.assert_close(ours.log_prob(actions), theirs.log_prob(actions))
    torch.testing.assert_close(ours.entropy(), theirs.entropy())
    assert torch.equal(ours.mode(), theirs.mode())
    assert torch.equal(ours.distribution.logits, theirs.distribution.logits)


def test_draws_are_as_often_as_they_are_likely() -> None:
    torch.manual_seed(0)
    logits = torch.tensor([[0.0, 1.0, -1.0, -torch.inf]])
    ours = FewOperations(4).proba_distribution(logits.expand(100_000, 4))
    shares = torch.bincount(ours.sample(), minlength=4) / 100_000
    torch.testing.assert_close(shares, logits[0].softmax(0), atol=0.01, rtol=0)
    assert shares[3] == 0


def test_older_versions_may_say_that_there_is_none_yet() -> None:
    # As the constructors of Stable-Baselines3 2.7 do.
    ours = FewOperations(4)
    ours.distribution = None
    assert ours.proba_distribution(torch.zeros(2, 4)).distribution.batch_shape == (2,)
