"""Checks of registered policies and features extractors, for those who write them.

`velora.plugins.testing.check_plugin` runs them on all that a plugin registers.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from velora.models.protocol import takes
from velora.plugins import Entry
from velora.plugins.testing import Report

_ROWS = 3
_FLAT = spaces.Box(-1.0, 1.0, (4,))
_OBSERVATIONS: dict[str, spaces.Space[Any]] = {
    "flat": _FLAT,
    "window": spaces.Box(-1.0, 1.0, (3, 4)),
    "image": spaces.Box(0, 255, (3, 36, 36), np.uint8),
    "dict": spaces.Dict(first=_FLAT, second=_FLAT),
}
_ACTIONS: dict[str, spaces.Space[Any]] = {
    "box": spaces.Box(-1.0, 1.0, (2,)),
    "discrete": spaces.Discrete(3),
}


def check_policy(entry: Entry) -> None:
    """Checks that a registered policy acts, and that saving it is no change.

    Args:
        entry: its `build` is the policy class, built for flat observations and for
            actions in a box or, if it takes none, discrete ones.

    Raises:
        velora.plugins.testing.CheckError: it breaks a rule; the message lists all.
    """
    report = Report(f"policy {entry.name}")
    if _inherits(entry, BasePolicy, report):
        policy_class: Any = entry.build
        _on_any(_ACTIONS, partial(_make_policy, policy_class), _act, report)
    report.raise_failures()


def check_extractor(entry: Entry) -> None:
    """Checks that a registered features extractor gives the features that it names.

    Args:
        entry: its `build` is the extractor's class, built for the first that it takes
            of a flat vector, a (T, F) window, an image and a dict.

    Raises:
        velora.plugins.testing.CheckError: it breaks a rule; the message lists all.
    """
    report = Report(f"extractor {entry.name}")
    if _inherits(entry, BaseFeaturesExtractor, report):
        _on_any(_OBSERVATIONS, entry.build, _extract, report)
    report.raise_failures()


def _inherits(entry: Entry, base: type[Any], report: Report) -> bool:
    fits = isinstance(entry.build, type) and issubclass(entry.build, base)
    if not fits:
        report.fail(
            "class",
            f"it must be a subclass of {base.__module__}.{base.__name__}; got "
            f"{entry.build!r}. Register the class itself.",
        )
    return fits


def _on_any(
    candidates: Mapping[str, spaces.Space[Any]],
    make: Callable[[spaces.Space[Any]], Any],
    use: Callable[[Any, spaces.Space[Any]], None],
    report: Report,
) -> None:
    """Uses what is made for the first space that it can be made for."""
    unmade = Report(report.subject)
    for name, space in candidates.items():
        made = None
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # as "has no memory here"
            with unmade.rule(name):
                made = make(space)
            if made is not None:
                with report.rule(name):
                    use(made, space)
                return
    for failure in unmade.failures:
        report.fail("takes no space", failure)


def _make_policy(policy_class: type[BasePolicy], actions: spaces.Space[Any]) -> Any:
    # A policy that no gradient trains, as ARS's, takes no learning rate.
    trained = any(takes(kind, "lr_schedule") for kind in policy_class.__mro__[:-1])
    make: Any = policy_class
    return make(_FLAT, actions, *([lambda _: 1e-3] if trained else []))


def _act(policy: Any, actions: spaces.Space[Any]) -> None:
    seen = np.stack([_FLAT.low] * _ROWS)
    chosen, _ = policy.predict(seen, deterministic=True)
    if len(chosen) != _ROWS or not all(action in actions for action in chosen):
        raise ValueError(
            f"`predict` of {_ROWS} observations must return as many actions of "
            f"{actions}; got {chosen!r}."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "policy"))
        policy.save(path)
        loaded = type(policy).load(path, device=policy.device)
        again, _ = loaded.predict(seen, deterministic=True)
    if not np.array_equal(again, chosen):
        raise ValueError(
            f"`load` must give back what `save` wrote; the actions were {chosen!r} "
            f"and are {again!r}. Return all arguments of the constructor from "
            "`_get_constructor_parameters`."
        )


def _extract(extractor: Any, space: spaces.Space[Any]) -> None:
    rows: Any = space.sample()
    seen: Any
    if isinstance(rows, dict):
        seen = {key: _batch(part) for key, part in rows.items()}
    else:
        seen = _batch(rows)
    features = extractor(seen)
    expected = (_ROWS, extractor.features_dim)
    if tuple(features.shape) != expected:
        raise ValueError(
            f"The features must have shape (batch, features_dim) = {expected}; got "
            f"{tuple(features.shape)}."
        )


def _batch(row: Any) -> torch.Tensor:
    """Returns a row three times, as Stable-Baselines3 preprocesses it."""
    scale = 255 if row.dtype == np.uint8 else 1
    return torch.as_tensor(np.stack([row] * _ROWS)).float() / scale
