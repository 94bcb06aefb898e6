"""What policies share whose networks carry a state, for whichever algorithm."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from velora.plugins import NetworkEntry, networks
from velora.sb3.common.network_defaults import ON_POLICY
from velora.sb3.common.policy import NetworkPolicy
from velora.sb3.recurrent.timespans import without_timespans


class StatePolicy(NetworkPolicy):
    """An actor and a critic that remember; see `NetworkPolicy`.

    Attributes:
        timespan_key: name of the entry of observations with the timespans, or None.
    """

    remembers = True
    family = ON_POLICY
    lstm_arguments = ("lstm_hidden_size", "n_lstm_layers", "lstm_kwargs")
    timespan_key: str | None

    features_extractor_class: Any
    features_extractor_kwargs: Any

    def observed(self, space: spaces.Space[Any]) -> spaces.Space[Any]:
        """Returns the space of all that is observed but the timespans."""
        return without_timespans(space, self.timespan_key)

    def make_features_extractor(self) -> BaseFeaturesExtractor:
        """Makes an extractor of what is observed."""
        space = self.observed(self.observation_space)
        extractor: BaseFeaturesExtractor = self.features_extractor_class(
            space, **self.features_extractor_kwargs
        )
        return extractor


def check_lstm_arguments(kwargs: dict[str, Any]) -> None:
    """Refuses arguments of sb3-contrib's policies that describe an LSTM: ValueError.

    Those for the layers behind it are named beside them.
    """
    if any(argument in kwargs for argument in StatePolicy.lstm_arguments):
        known = (*StatePolicy.lstm_arguments, *StatePolicy.mlp_arguments)
        given = ", ".join(f"`{argument}`" for argument in known if argument in kwargs)
        raise ValueError(
            f"{given} must be left out: this policy has no LSTM, nor layers behind it. "
            "Size its networks with `n_neurons` and `network_kwargs`."
        )


def check_state(entry: NetworkEntry, algorithm: str) -> None:
    """Refuses a network without a state, which the algorithm needs: ValueError."""
    if not entry.recurrent:
        known = [name for name, other in networks().items() if other.recurrent]
        raise ValueError(
            f"{algorithm} needs a network that carries a state; {entry.name!r} does "
            f"not. Those that do: {known}. Or pass this one to an "
            "algorithm without memory."
        )
