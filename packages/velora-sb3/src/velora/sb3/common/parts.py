"""Parts of a policy that are saved and loaded alone: actors, critics, Q-networks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from stable_baselines3.common.policies import BaseModel
from stable_baselines3.common.preprocessing import get_action_dim
from torch import Tensor, nn

from velora.sb3.common.network_choice import NetworkChoice

Norm = Callable[[int], nn.Module]


class NetworkPart(BaseModel):
    """A part of a policy that thinks with networks, and says so where it is saved.

    It stands before a part of Stable-Baselines3 among the bases, whose dense layers
    the networks replace: `part.save(path)` and `type(part).load(path)`.

    Args:
        *args: what that part takes.
        choice: which network it thinks with.
        norm: makes a normalisation of a size; see `NetworkBody`.
        **kwargs: what that part takes, without hidden layers (`net_arch=[]`).
    """

    choice: NetworkChoice
    norm: Norm | None
    features_extractor: Any

    def __init__(
        self, *args: Any, choice: NetworkChoice, norm: Norm | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.put_networks(choice, norm)

    @abstractmethod
    def put_networks(self, choice: NetworkChoice, norm: Norm | None = None) -> None:
        """Puts networks in the place of the dense layers, which tell their sizes."""

    @classmethod
    def adopt(cls, part: Any, choice: NetworkChoice, norm: Norm | None = None) -> None:
        """Puts networks into a part that a policy of Stable-Baselines3 has built.

        It becomes one of this class, unless it is one that this class knows nothing of.
        """
        if issubclass(cls, type(part)):
            part.__class__ = cls
        cls.put_networks(part, choice, norm)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        data = super()._get_constructor_parameters()
        return data | {"choice": self.choice, "norm": self.norm}


class GaussianActor(NetworkPart):
    """The actor of SAC, TQC and CrossQ: motor neurons are means and log deviations.

    With gSDE they are the means alone.
    """

    use_sde: bool
    latent_pi: Any
    mu: Any
    log_std: Any

    def put_networks(self, choice: NetworkChoice, norm: Norm | None = None) -> None:
        """Puts a network in the place of the actor's dense layers."""
        self.choice, self.norm = choice, norm
        n_actions = get_action_dim(self.action_space)
        inputs = self.features_extractor
        if self.use_sde:
            clip = list(self.mu)[1:] if isinstance(self.mu, nn.Sequential) else []
            body = choice.body("pi", inputs, n_actions, norm=norm)
            self.mu = nn.Sequential(body, *clip)
        else:
            self.latent_pi = choice.body("pi", inputs, 2 * n_actions, norm=norm)
            self.mu = Columns(0, n_actions)
            self.log_std = Columns(n_actions, 2 * n_actions)


class DeterministicActor(NetworkPart):
    """The actor of TD3 and DDPG: motor neurons are the actions, before their tanh."""

    mu: Any

    def put_networks(self, choice: NetworkChoice, norm: Norm | None = None) -> None:
        """Puts a network in the place of the actor's dense layer."""
        self.choice, self.norm = choice, norm
        n_actions = get_action_dim(self.action_space)
        self.mu[0] = choice.body("pi", self.features_extractor, n_actions, norm=norm)


class QCritics(NetworkPart):
    """Critics whose motor neurons are the Q-values (one each) or quantiles."""

    q_networks: list[Any]
    n_critics: int
    share_features_extractor: bool

    def put_networks(self, choice: NetworkChoice, norm: Norm | None = None) -> None:
        """Puts a network in the place of each critic's dense layer."""
        self.choice, self.norm = choice, norm
        for index, dense in enumerate(self.q_networks):
            body = choice.body(
                "qf",
                self.features_extractor,
                dense[-1].out_features,
                n_actions=get_action_dim(self.action_space),
                norm=norm,
            )
            self.q_networks[index] = body
            setattr(self, f"qf{index}", body)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {
            "net_arch": [],
            "features_extractor": self.features_extractor,
            "features_dim": self.features_extractor.features_dim,
            "n_critics": self.n_critics,
            "share_features_extractor": self.share_features_extractor,
        }


class DiscreteValues(NetworkPart):
    """The network of DQN and QR-DQN: motor neurons are what each action is worth.

    Attributes:
        dense: the name of the layers that the network replaces.
    """

    dense: str

    def put_networks(self, choice: NetworkChoice, norm: Norm | None = None) -> None:
        """Puts a network in the place of the dense layer."""
        self.choice, self.norm = choice, norm
        n_motor = getattr(self, self.dense)[-1].out_features
        body = choice.body("qf", self.features_extractor, n_motor, norm=norm)
        setattr(self, self.dense, body)


class Columns(nn.Module):
    """The motor neurons from `start` to before `stop`."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, motor: Tensor) -> Tensor:
        """Returns (B, stop - start) of the (B, O) motor neurons."""
        return motor[:, self.start : self.stop]
