"""Samplers and converters of rl-baselines3-zoo, wrapped for our policies.

The zoo replaces the `policy_kwargs` of its settings by what it has tuned. Ours are
kept but for sizes of layers, and their activation where a policy has none to give:
`network` says which network is tuned at all.
"""

from __future__ import annotations

import copy
import inspect
import io
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from typing import Any, TypeAlias

from optuna import Trial
from rl_zoo3 import exp_manager
from rl_zoo3.exp_manager import ExperimentManager
from rl_zoo3.utils import ALGOS, get_class_by_name

from velora.models.lnn.wiring_argument import is_ready
from velora.plugins import networks
from velora.sb3.common.network_choice import NetworkChoice
from velora.sb3.common.policy import NetworkPolicy

Settings: TypeAlias = dict[str, Any]
Sampler: TypeAlias = Callable[[Trial, int, int, Settings], Settings]
Converter: TypeAlias = Callable[[Settings], Settings]

_SIZES = ("n_neurons", "sparsity_level")
# What a zoo's converter is given for the layers that were not tuned.
_LAYERS = {"net_arch": "small", "activation_fn": "tanh"}
_LAYER_ARGUMENTS = {*_LAYERS, "with_bias"}
_LAYER_ARGUMENTS |= {"lstm_hidden_size", "n_lstm_layers", "lstm_kwargs"}


class PartialTrial:
    """A trial that some names are kept out of: it answers their first value itself."""

    def __init__(self, trial: Trial, without: Iterable[str]) -> None:
        self.trial = trial
        self.without = frozenset(without)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Returns one of the choices."""
        if name in self.without:
            return choices[0]
        return self.trial.suggest_categorical(name, choices)

    def suggest_float(self, name: str, low: float, high: float, **kwargs: Any) -> float:
        """Returns a number of the range."""
        if name in self.without:
            return low
        return self.trial.suggest_float(name, low, high, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.trial, name)


def sample(
    zoo: Sampler, trial: Trial, n_actions: int, n_envs: int, additional_args: Settings
) -> Settings:
    """Samples hyperparameters, as the zoo calls its samplers."""
    manager = _manager()
    settings = {} if manager is None else manager._hyperparams
    policy = _our_policy(manager, settings)
    if policy is None:
        return zoo(trial, n_actions, n_envs, additional_args)
    without_layers: Any = PartialTrial(trial, _LAYERS)
    hyperparams = zoo(without_layers, n_actions, n_envs, additional_args)
    tuned = _sample_network(trial, policy, settings)
    return _merged(hyperparams, policy, settings, tuned)


def convert(zoo: Converter, params: Settings) -> Settings:
    """Turns what was sampled into hyperparameters, as the zoo calls its converters."""
    tuned = {name: value for name, value in params.items() if name in _SIZES}
    manager = _manager()
    settings = {} if manager is None else _settings(manager)
    policy = _our_policy(manager, settings)
    if "net_arch" in params or not (tuned or policy):
        return zoo(params)
    rest = {name: value for name, value in params.items() if name not in tuned}
    return _merged(zoo(_LAYERS | rest), policy, settings, tuned)


def sample_crossq(
    sac: Sampler, trial: Trial, n_actions: int, n_envs: int, additional_args: Settings
) -> Settings:
    """Samples hyperparameters of CrossQ, which has no target network to move."""
    without_tau: Any = PartialTrial(trial, ["tau"])
    hyperparams = sac(without_tau, n_actions, n_envs, additional_args)
    return {name: value for name, value in hyperparams.items() if name != "tau"}


def sample_memory_ppo(
    ppo: Sampler, trial: Trial, n_actions: int, n_envs: int, additional_args: Settings
) -> Settings:
    """Samples hyperparameters of MemoryPPO: PPO's, and sequences that fit them."""
    return _with_sequences(ppo(trial, n_actions, n_envs, additional_args))


def convert_memory_ppo(ppo: Converter, params: Settings) -> Settings:
    """Turns what was sampled for MemoryPPO into hyperparameters."""
    return _with_sequences(ppo(params))


def sample_replaying(
    zoo: Sampler, trial: Trial, n_actions: int, n_envs: int, additional_args: Settings
) -> Settings:
    """Samples hyperparameters of MemorySAC or MemoryDQN, as of SAC or DQN.

    There are sequences that fit them beside.
    """
    return _with_short_sequences(zoo(trial, n_actions, n_envs, additional_args))


def convert_replaying(zoo: Converter, params: Settings) -> Settings:
    """Turns what was sampled for MemorySAC or MemoryDQN into hyperparameters."""
    return _with_short_sequences(zoo(params))


def _with_short_sequences(hyperparams: Settings) -> Settings:
    """Adds sequences of 16 steps, or of all of a smaller minibatch."""
    return hyperparams | {"sequence_length": min(hyperparams["batch_size"], 16)}


def _with_sequences(hyperparams: Settings) -> Settings:
    """Adds the longest sequences that a rollout and a minibatch are made of."""
    length = math.gcd(hyperparams["n_steps"], hyperparams["batch_size"])
    return hyperparams | {"sequence_length": length}


def _manager() -> ExperimentManager | None:
    """Returns the zoo's manager that is sampling or converting now, if one is.

    The zoo tells neither of them which policy it is for. A study notes the settings
    that it was made with, as text, and keeps them when it goes on with others; so only
    the call stack knows. Looking there changes nothing in the zoo.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        caller = frame.f_locals.get("self")
        if isinstance(caller, ExperimentManager):
            return caller
    return None


def _settings(manager: ExperimentManager) -> Settings:
    """Reads the settings that a loaded trial is about to be written into."""
    without_trial = copy.copy(manager)
    without_trial.trial_id = None
    without_trial.custom_hyperparams = None  # these follow, whatever the trial says
    with redirect_stdout(io.StringIO()):
        return dict(without_trial.read_hyperparameters()[0])


def _our_policy(
    manager: ExperimentManager | None, settings: Settings
) -> type[NetworkPolicy] | None:
    """Returns the class of the policy in the settings, where it is one of ours."""
    policy = settings.get("policy")
    if isinstance(policy, str):
        if "." in policy:
            policy = get_class_by_name(policy)
        elif manager is not None:
            policy = ALGOS[manager.algo].policy_aliases.get(policy)
    if isinstance(policy, type) and issubclass(policy, NetworkPolicy):
        return policy
    return None


def _policy_kwargs(
    settings: Settings, policy: type[NetworkPolicy] | None = None
) -> Settings:
    """Returns the `policy_kwargs` of the settings, but for what is of layers.

    Where a policy is given whose network takes it, their activation is kept.
    """
    kwargs = settings.get("policy_kwargs") or {}
    if isinstance(kwargs, str):
        kwargs = eval(kwargs, vars(exp_manager))  # as the zoo reads its settings
    left_out = set(_LAYER_ARGUMENTS)
    if policy is not None:
        network = kwargs.get("network") or policy.default_network
        if policy.takes_layers(NetworkChoice(network)):
            left_out.remove("activation_fn")
    return {name: value for name, value in kwargs.items() if name not in left_out}


def _sample_network(
    trial: Trial, policy: type[NetworkPolicy], settings: Settings
) -> Settings:
    """Samples what the builder of the policy's network takes and is not given."""
    kwargs = _policy_kwargs(settings)
    given = kwargs.get("network_kwargs") or {}
    build = networks()[kwargs.get("network") or policy.default_network].build
    parameters = inspect.signature(build).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    def free(name: str) -> bool:
        taken = takes_any or name in parameters
        return taken and name not in given and not is_ready(given.get("wiring"))

    tuned: Settings = {}
    if free("n_neurons"):
        tuned["n_neurons"] = trial.suggest_int("n_neurons", 16, 256, log=True)
    if free("sparsity_level"):
        tuned["sparsity_level"] = trial.suggest_float("sparsity_level", 0.1, 0.9)
    return tuned


def _merged(
    hyperparams: Settings,
    policy: type[NetworkPolicy] | None,
    settings: Settings,
    tuned: Settings,
) -> Settings:
    """Writes what was tuned into `policy_kwargs`, in the place of layers."""
    rest = {name: value for name, value in hyperparams.items() if name not in _LAYERS}
    sampled = _policy_kwargs(rest)  # such as `n_quantiles`
    kept = _policy_kwargs(settings, policy)
    return rest | {"policy_kwargs": kept | sampled | tuned}
