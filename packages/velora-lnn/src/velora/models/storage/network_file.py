"""A network in one safetensors file: its numbers, and what it is in JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.storage import by_class, by_name
from velora.models.storage.builder import MissingNetworkError
from velora.models.storage.container import pack, unpack
from velora.models.storage.refusal import first_line, require
from velora.models.storage.regular_file import FilePath, open_regular, replace_regular


def save_network(
    network: nn.Module,
    path: FilePath,
    *,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    in_features: int | None = None,
    out_features: int | None = None,
) -> None:
    """Writes a network into one safetensors file.

    The file holds the tensors of `network.state_dict()`; its header's entry "velora"
    describes the network in JSON. `NCPNetwork`, `LiquidNCPNetwork` and
    `GatedLeakyNCPNetwork` describe themselves. Of any other network a file holds by
    which name it is registered, and what its builder was called with:

        network = networks()["torch-gru"].build(4, 2, n_neurons=16)
        save_network(
            network,
            "gru.safetensors",
            name="torch-gru",
            options=dict(n_neurons=16),
            in_features=4,
            out_features=2,
        )

    What `state_dict()` leaves out, such as buffers that are not persistent, is what the
    builder makes it. An older file of that name is there until the new one is on disk;
    the new one has its mode, and its owner where that is permitted.

    Args:
        network: on any device. The tensors of these classes are of one
            floating-point dtype.
        path: of a regular file, or of none yet.
        name: in `velora.plugins.networks()`; of no effect on these classes, nor are
            the arguments below.
        options: what the builder of that name got beyond the sizes and the device, all
            of it JSON; None for nothing.
        in_features: size of an input; None is the network's attribute.
        out_features: size of an output; None is the network's attribute.

    Raises:
        KeyError: no network has this name; the message lists the known ones.
        TypeError: the network is of another class (a subclass is one) and has no name,
            or the builder of that name makes another; a size is missing; the options
            are no JSON; `path` is no path.
        ValueError: the network has norms, no data, or other tensors than its class, or
            its builder, makes.
        OSError: the file cannot be written, or there is something else than a regular
            file; IsADirectoryError if it is a directory.
    """
    if by_class.describes(network):
        description, tensors = by_class.describe(network)
    elif name is None or not isinstance(network, nn.Module):
        raise TypeError(
            f"`network` must be one of {list(by_class.CLASSES)}, or come with the "
            f"`name` that it is registered by, and the `options` that its builder got; "
            f"got {type(network).__name__}. Or save its `state_dict()` instead."
        )
    else:
        sizes = {"in_features": in_features, "out_features": out_features}
        description, tensors = by_name.describe(network, name, sizes, options or {})
    replace_regular(path, pack(description, tensors))


def load_network(path: FilePath, *, device: torch.device | str | None = None) -> Any:
    """Reads a network that `save_network` wrote.

    It computes what the saved one did, in the same dtype. Nothing in the file is run,
    and nothing that it names is imported: a network that was saved by its name is asked
    for in `velora.plugins.networks()`, and its builder gets sizes and options of the
    file. PyTorch's random generators stay as they were.

    Args:
        path: the file; another that takes its place meanwhile does no harm.
        device: where the network is put; None is PyTorch's default.

    Returns:
        One of the classes that describe themselves, or what the builder of its name
        makes.

    Raises:
        OSError: the file cannot be read, is no regular file, or does not fit into
            memory; FileNotFoundError where there is none.
        TypeError: `path` is no path.
        ValueError: the file is broken, or none that `save_network` wrote; or no plugin
            here has its network: the message names the distribution that had it.
    """
    path = os.fspath(path)
    device = torch.empty(0, device=device).device
    try:
        with open_regular(path) as file:
            description, tensors = unpack(file)
        network = _restored(description, tensors)
    except OSError:
        raise
    except MissingNetworkError as error:
        raise MissingNetworkError(f"{path!r} cannot be loaded here: {error}") from error
    except Exception as error:  # what libraries raise of hostile bytes is theirs
        raise ValueError(
            f"{path!r} must be a file that `save_network` wrote, whole and unchanged: "
            f"{first_line(error)}. Save the network again."
        ) from error
    return network.to(device)


def _restored(description: dict[str, Any], tensors: dict[str, Tensor]) -> nn.Module:
    """Returns the network of a file, on the CPU."""
    version = description.get("version")
    formats = {module.VERSION: module for module in (by_class, by_name)}
    require(
        type(version) is int and version in formats,
        f"`version` must be {' or '.join(map(str, formats))}",
        version,
    )
    restored: nn.Module = formats[version].restore(description, tensors)
    return restored
