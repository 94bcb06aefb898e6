"""Which network a policy thinks with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from velora.models.lnn.wiring_argument import is_ready
from velora.plugins import NetworkEntry
from velora.sb3.common.algorithm import defaults_of, find_network
from velora.sb3.common.network_body import NetworkBody
from velora.sb3.common.network_defaults import MEMORY, ROLES, Defaults
from velora.sb3.common.windows import Windowed

_OURS = "velora-lnn"  # the distribution whose networks the defaults are for
_FOR_LAYERS, _DENSE_STEPS = "for_layers", "dense_steps"  # and not for builders
_LIKE_ORTHOGONAL = ("init_type", "gain", _DENSE_STEPS)  # among the defaults


@dataclass(frozen=True)
class NetworkChoice:
    """The `policy_kwargs` that say which network a policy thinks with.

    What is None is left to the defaults, and else to the network's builder. The
    registry is asked for the network once; a copy or a pickle does not hold its
    builder, and asks again.

    Attributes:
        network: a name in `velora.plugins.networks()`.
        n_neurons: decision neurons of every network, or a dict with a number for
            each role, as Stable-Baselines3's `net_arch`: `dict(pi=64, vf=32)`.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        init_type: how weights start; see `velora.models.lnn.SparseLinear`.
        network_kwargs: further options of the network's builder.
        network_defaults: what the builders of our own networks get unless they are
            given something else, by network and role.
    """

    network: str
    n_neurons: int | Mapping[str, int] | None = None
    sparsity_level: float | None = None
    init_type: str | None = None
    network_kwargs: Mapping[str, Any] = field(default_factory=dict)
    network_defaults: Defaults | None = None  # of one that was pickled before these

    @cached_property
    def entry(self) -> NetworkEntry:
        """The network in the registry.

        Raises:
            KeyError: the network is unknown; the message lists the known ones, and what
                provided it where a saved agent is loaded.
        """
        return find_network(self.network)

    def check_types(self) -> None:
        """Refuses what is no name, and no number or options of networks.

        Raises:
            TypeError: `network`, `n_neurons`, `network_kwargs` or `network_defaults` is
                something else.
            ValueError: `network_defaults` has an unknown role.
        """
        if not isinstance(self.network, str):
            fix = (
                "Register it first: velora.plugins.networks().add(name, builder)."
                if callable(self.network)
                else "`velora.plugins.networks()` has the names."
            )
            raise TypeError(
                f"`network` must be the name of a network; got {self.network!r:.100}. "
                f"{fix}"
            )
        options = self.network_kwargs
        if not isinstance(options, Mapping) or not all(
            isinstance(name, str) for name in options
        ):
            raise TypeError(
                "`network_kwargs` must be a dict of options by their names; got "
                f"{options!r:.100}."
            )
        asked = self.network_defaults
        for of_network in _entries({} if asked is None else asked):
            for options in _entries(of_network):
                _entries(options)
            if unknown := sorted(set(of_network) - set(ROLES)):
                raise ValueError(
                    f"`network_defaults` must be by network and then by role, of which "
                    f"there are {list(ROLES)}; got {unknown}."
                )
        sizes = self.n_neurons
        for size in sizes.values() if isinstance(sizes, Mapping) else (sizes,):
            if isinstance(size, Sequence) and not isinstance(size, str):
                raise TypeError(
                    "`n_neurons` must be one number for a network, of which its wiring "
                    f"makes the layers; got {size!r:.100}. A list of layers is "
                    "Stable-Baselines3's `net_arch`; by role it is a dict, as "
                    "dict(pi=64, vf=32)."
                )

    def check_roles(self, *roles: str) -> None:
        """Refuses a dict of `n_neurons` for other roles than these.

        Raises:
            ValueError: a role is missing or unknown.
        """
        sizes = self.n_neurons
        if isinstance(sizes, Mapping) and not (roles and set(sizes) == set(roles)):
            expected = f" or a dict with the keys {list(roles)}" if roles else ""
            raise ValueError(
                f"`n_neurons` must be an int{expected}; got a dict with the keys "
                f"{list(sizes)}."
            )

    @property
    def recurrent(self) -> bool:
        """Whether the network carries a state."""
        return self.entry.recurrent

    def body(
        self,
        role: str,
        inputs: BaseFeaturesExtractor,
        out_features: int,
        *,
        n_actions: int = 0,
        norm: Callable[[int], nn.Module] | None = None,
    ) -> NetworkBody:
        """Builds the network of a role.

        Args:
            role: "pi", "vf", "qf" or "features".
            inputs: whose features go in.
            out_features: motor neurons.
            n_actions: size of the action that follows the features.
            norm: makes a normalisation of a size; see `NetworkBody`.
        """
        return NetworkBody(
            self.entry,
            inputs.features_dim + n_actions,
            out_features,
            self.options(role),
            window=inputs.window if isinstance(inputs, Windowed) else None,
            norm=norm,
        )

    def asking(
        self, family: str | None, *, remembers: bool, is_named: bool
    ) -> NetworkChoice:
        """Returns the same choice with defaults, where none are given.

        Args:
            family: of the policy in `velora.sb3.common.network_defaults`; None has no
                defaults.
            remembers: whether there is something to remember, for a network that can.
            is_named: whether the user has named the network. If not, the liquid one
                gives way to the first of those that remember.
        """
        remembers = remembers and self.recurrent
        defaults = defaults_of(MEMORY if remembers else family)
        found = self
        if remembers and not is_named and self.network == "liquid":
            found = self.replaced(network=next(iter(defaults), self.network))
        if self.network_defaults is None:
            found = found.replaced(network_defaults=defaults)
        return found

    def replaced(self, **changes: Any) -> NetworkChoice:
        """Returns the same choice but for some of its attributes."""
        found = replace(self, **changes)
        if found.network == self.network:  # the registry was asked for it already
            vars(found)["entry"] = self.entry
        return found

    def starting_as_built(self) -> NetworkChoice:
        """Returns the same choice, with no defaults for how networks start and step.

        A table from before networks followed what is asked of layers is kept.
        """
        roles = (self.network_defaults or {}).get(self.network, {})
        without = {
            role: {k: v for k, v in options.items() if k not in _LIKE_ORTHOGONAL}
            if _FOR_LAYERS in options
            else options
            for role, options in roles.items()
        }
        defaults = {**(self.network_defaults or {}), self.network: without}
        return self.replaced(network_defaults=defaults)

    def feed_forward(self) -> NetworkChoice:
        """Returns the same choice with the network "ncp", which carries no state."""
        return self.replaced(network="ncp", network_kwargs={})

    def options(self, role: str) -> dict[str, Any]:
        """Returns what the builder of a role's network gets beyond the sizes.

        Raises:
            ValueError: one of them is given twice.
        """
        sizes = self.n_neurons
        options = {
            "n_neurons": sizes[role] if isinstance(sizes, Mapping) else sizes,
            "sparsity_level": self.sparsity_level,
            "init_type": self.init_type,
        }
        given = {name: value for name, value in options.items() if value is not None}
        if twice := sorted(given.keys() & self.network_kwargs.keys()):
            raise ValueError(
                f"{twice} must be given once; got them both as arguments and in "
                "`network_kwargs`."
            )
        given |= self.network_kwargs
        defaults = self._defaults(role, given)
        for name in (_FOR_LAYERS, _DENSE_STEPS):
            defaults.pop(name, None)
        return defaults | given

    def neurons_for(self, role: str, layers: int) -> int:
        """Returns how many neurons stand for those of an MLP's hidden layers.

        By default `n_neurons` stand for `for_layers` of these, or one for one where the
        defaults do not say. Larger layers get more in proportion, smaller ones no less.

        Args:
            role: of the network.
            layers: neurons of the hidden layers, in all.
        """
        defaults = self._defaults(role, {})
        default: int = defaults.get("n_neurons") or 0
        each = default / defaults[_FOR_LAYERS] if _FOR_LAYERS in defaults else 1.0
        return max(default, round(layers * each))

    def steps_as_dense(self, role: str) -> bool:
        """Whether the defaults let a step move a role's layers as far as dense ones."""
        return bool(self._defaults(role, {}).get(_DENSE_STEPS))

    def _defaults(self, role: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the defaults of a role that go with what is given."""
        if not is_ours(self.entry):
            return {}
        of_network = (self.network_defaults or {}).get(self.network, {})
        defaults = dict(of_network.get(role, {}))
        init_type = defaults.get("init_type")
        if given.get("init_type", init_type) != init_type:
            defaults.pop("gain", None)  # which is for other initial values
        if is_ready(given.get("wiring")):
            defaults.pop("n_neurons", None)  # of which it has its own
        return defaults

    def as_kwargs(self) -> dict[str, Any]:
        """Returns the choice as the keyword arguments that it came from."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    def __getstate__(self) -> dict[str, Any]:
        # Without the entry: its builder may be a lambda, or of a script.
        return self.as_kwargs()


def is_ours(entry: NetworkEntry) -> bool:
    """Returns whether a network is of `velora-lnn`, for which the defaults are."""
    return entry.distribution == _OURS


def _entries(value: Any) -> list[Any]:
    """Returns the values of a mapping from names within `network_defaults`."""
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise TypeError(
            "`network_defaults` must be a dict of options by network and role, as "
            f'{{"ncp": {{"pi": {{"n_neurons": 64}}}}}}; got {value!r:.100} in it.'
        )
    return list(value.values())
