"""What `model_config` says of a module's networks, checked before any is made."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from velora.plugins import NetworkEntry, networks
from velora.rllib.network_defaults import defaults

CRITICS = ("separate", "shared", "feed-forward")
ROLES = ("pi", "vf")

# RLlib's own settings, which it adds to those that are given: they are of its networks.
_THEIRS = {entry.name for entry in fields(DefaultModelConfig)}

_NAMED = ("n_neurons", "sparsity_level", "init_type")


def as_dict(model_config: Any) -> dict[str, Any]:
    """Returns a `model_config`, which may be a dataclass as RLlib's own."""
    if isinstance(model_config, DefaultModelConfig | NetworkConfig):
        return dataclasses.asdict(model_config)
    return dict(model_config or {})


@dataclass(frozen=True)
class NetworkConfig:
    """What a `NetworkModule` is made of: the entries of `model_config`, or all of it.

        RLModuleSpec(module_class=NetworkModule, model_config=NetworkConfig("liquid"))

    A dict of them does as well, but is not looked at before a module is made, which is
    in another process where there are env runners.

    Attributes:
        network: a name in `velora.plugins.networks()`.
        n_neurons: decision neurons of each network, or `dict(pi=64, vf=32)`; None is
            left to the network.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        init_type: how weights start; see `velora.models.lnn.SparseLinear`.
        network_kwargs: further options of the network's builder.
        critic: "separate", a network like the actor's; "shared", a motor neuron of the
            actor's; "feed-forward", an "ncp" that does not remember.
        memory: whether the network must remember; None asks for neither.
        max_seq_len: steps that gradients flow through, of a network that remembers.
        log_std_init: logarithm of the standard deviation that continuous actions
            start with.

    Raises:
        ValueError: there is no such network, or none can be made of the rest.
    """

    network: str = "ncp"
    n_neurons: int | Mapping[str, int] | None = None
    sparsity_level: float | None = None
    init_type: str | None = None
    network_kwargs: Mapping[str, Any] = field(default_factory=dict)
    critic: str = "separate"
    memory: bool | None = None
    max_seq_len: int = 20
    log_std_init: float = 0.0

    @classmethod
    def of(cls, model_config: Any) -> NetworkConfig:
        """Reads a `model_config`; what is RLlib's own in it changes nothing.

        But for `use_lstm`, which asks for memory, as `memory` does.

        Raises:
            ValueError: it says something else, or what no network can be made of.
        """
        given = as_dict(model_config)
        known = [entry.name for entry in fields(cls)]
        for name in sorted(given.keys() - _THEIRS - {*known}):
            close = get_close_matches(name, known, n=1)
            raise ValueError(
                f"`model_config` of a NetworkModule must have entries of {known}; got "
                f"{name!r}. {f'Did you mean {close[0]!r}?' if close else ''}".rstrip()
            )
        if given.get("use_lstm") and given.get("memory") is None:
            given["memory"] = True
        return cls(**{name: given[name] for name in known if name in given})

    def __post_init__(self) -> None:
        _require(self.critic in CRITICS, "critic", f"one of {list(CRITICS)}", self)
        sizes = self.n_neurons
        if isinstance(sizes, Mapping):
            keys = f"a number, or a dict with the keys {list(ROLES)}"
            _require(set(sizes) == set(ROLES), "n_neurons", keys, self)
        _require(
            isinstance(self.network_kwargs, Mapping),
            "network_kwargs",
            "a dict of options by their names",
            self,
        )
        length = self.max_seq_len
        is_length = isinstance(length, int) and length >= 1
        _require(is_length, "max_seq_len", "a number of steps, 1 or more", self)
        start = self.log_std_init
        is_number = isinstance(start, int | float) and math.isfinite(start)
        _require(is_number, "log_std_init", "a finite number", self)
        is_kind = self.memory is None or isinstance(self.memory, bool)
        _require(is_kind, "memory", "True, False or None", self)
        named = {name for name in _NAMED if getattr(self, name) is not None}
        if twice := sorted(named & self.network_kwargs.keys()):
            raise ValueError(
                f"{twice} must be given once; got them in `network_kwargs` as well."
            )
        entry = self.entry
        if self.memory is not None and self.memory != entry.recurrent:
            asked = "remembers" if self.memory else "does not remember"
            fitting = [n for n, e in networks().items() if e.recurrent == self.memory]
            raise ValueError(
                f"`network` must be one that {asked} where memory={self.memory} (or "
                f"RLlib's use_lstm) asks for it; got {self.network!r}. Name one of "
                f"{fitting}."
            )

    @property
    def entry(self) -> NetworkEntry:
        """The actor's network in the registry.

        Raises:
            ValueError: there is none of that name; the message lists those there are.
        """
        known = networks()
        if not isinstance(self.network, str) or self.network not in known:
            raise ValueError(
                f"`network` must be one of {list(known)}; got {self.network!r}. One of "
                "a plugin must be installed wherever an actor of Ray runs; what a "
                "program registers itself is known to that process alone."
            )
        return known[self.network]

    def critic_entry(self) -> NetworkEntry | None:
        """Returns the critic's own network, None where it is the actor's."""
        if self.critic == "shared":
            return None
        return networks()["ncp"] if self.critic == "feed-forward" else self.entry

    def of_network(self, role: str, entry: NetworkEntry) -> dict[str, Any]:
        """Returns what the builder of a role's network gets beyond the sizes."""
        is_own = entry.name == self.network
        given = {
            name: getattr(self, name) for name in (_NAMED if is_own else _NAMED[:1])
        }
        if isinstance(self.n_neurons, Mapping):
            given["n_neurons"] = self.n_neurons[role]
        found = {name: value for name, value in given.items() if value is not None}
        found |= self.network_kwargs if is_own else {}
        return defaults(role, entry, found) | found


def _require(met: bool, name: str, invariant: str, config: NetworkConfig) -> None:
    if not met:
        raise ValueError(
            f"`{name}` must be {invariant}; got {getattr(config, name)!r:.100}."
        )
