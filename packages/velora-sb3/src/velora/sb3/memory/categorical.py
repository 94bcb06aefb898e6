"""One choice of several, in as few operations as an update needs."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.distributions import CategoricalDistribution
from torch import Tensor
from torch.distributions import Categorical

from velora.models.lnn.eager import is_at_hand


class FewOperations(CategoricalDistribution):
    """Stable-Baselines3's `CategoricalDistribution`, with the same numbers.

    Attributes:
        logits: (N, A), not normalised.
    """

    logits: Tensor

    def proba_distribution(self, action_logits: Tensor) -> FewOperations:
        """Sets the (N, A) logits; refuses NaN, as PyTorch's does: ValueError."""
        if is_at_hand(action_logits) and action_logits.isnan().any():
            raise ValueError(
                "Logits of actions must be numbers; got NaN. An observation was NaN "
                "or weights have become so. Stable-Baselines3's `VecCheckNan` finds it "
                "in environments; a lower learning rate keeps weights finite."
            )
        self.logits = action_logits
        return self

    @property
    def distribution(self) -> Categorical:
        """The same distribution as PyTorch's."""
        return Categorical(logits=self.logits)

    @distribution.setter
    def distribution(self, distribution: Any) -> None:
        # Older versions of Stable-Baselines3 say first that there is none.
        if distribution is not None:
            raise AttributeError("`distribution` is made of `logits`; set those.")

    def log_prob(self, actions: Tensor) -> Tensor:
        """Returns the (N,) log-probabilities of (N,) actions."""
        log_probs = torch.log_softmax(self.logits, dim=1)
        return log_probs.gather(1, actions.long()[:, None]).squeeze(1)

    def entropy(self) -> Tensor:
        """Returns the (N,) entropies."""
        log_probs = torch.log_softmax(self.logits, dim=1)
        return -(log_probs.exp() * log_probs).sum(dim=1)

    def sample(self) -> Tensor:
        """Draws (N,) actions.

        By Gumbel noise, the negative logarithm of exponential noise (Maddison et al.
        2014, "A* sampling"): the largest of logits and noise is a draw.
        """
        noise = torch.empty_like(self.logits).exponential_()
        # A zero would let a choice without probability win.
        noise = noise.clamp_(min=torch.finfo(noise.dtype).tiny).log_()
        return (self.logits - noise).argmax(dim=1)

    def mode(self) -> Tensor:
        """Returns the (N,) most likely actions."""
        return self.logits.argmax(dim=1)
