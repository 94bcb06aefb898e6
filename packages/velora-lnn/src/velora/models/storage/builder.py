"""Builders of the registry, called with what a file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from velora.models.storage.refusal import first_line
from velora.plugins import NetworkEntry, PluginError, networks, plugins


class MissingNetworkError(ValueError):
    """No plugin here has registered the network of a file."""


def build(
    name: str,
    distribution: str | None,
    sizes: Mapping[str, int],
    options: Mapping[str, Any],
    *,
    device: str,
) -> nn.Module:
    """Builds a registered network; PyTorch's random generators stay as they were.

    Args:
        name: in `velora.plugins.networks()`.
        distribution: that had it where it was saved, None for a running program.
        sizes: of an input and of an output, by name.
        options: what the builder gets beyond them.
        device: where the network is made.

    Raises:
        MissingNetworkError: the network is not registered.
        ValueError: its builder refuses the options, or makes no module.
    """
    entry = _entry(name, distribution)
    asked = f"of {dict(sizes)} and the options {options}"
    with (
        blamed(f"the builder of {name!r} must make a network {asked:.300}"),
        torch.random.fork_rng(devices=[]),
        torch.device("cpu"),
    ):
        network = entry.build(*sizes.values(), device=device, **options)
        if not isinstance(network, nn.Module):
            raise TypeError(f"a {type(network).__name__} is no torch.nn.Module")
    return network


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Says of any error of a plugin's code what it should have done: ValueError."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"{what}; got {type(error).__name__}: {first_line(error)}"
        ) from error


def _entry(name: str, source: str | None) -> NetworkEntry:
    try:
        return networks()[name]
    except PluginError as error:  # where one that is broken is an error
        raise MissingNetworkError(str(error)) from error
    except KeyError as error:
        raise MissingNetworkError(f"{error} {_remedy(source)}") from error


def _remedy(source: str | None) -> str:
    if source is None:
        return (
            "The program that saved it had registered it: add it to `networks()` first."
        )
    says = f"The file says that it is of the distribution {source!r}"
    status = {info.distribution: info.status for info in plugins()}.get(source)
    if status is None:
        return f"{says}: install that if you trust it."
    return f"{says}, whose plugin is {status} here."
