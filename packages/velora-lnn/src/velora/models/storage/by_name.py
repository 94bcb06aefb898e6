"""Format 2: any registered network, described by its name and its builder's options.

The registry is asked for the name; nothing that a file names is imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from operator import index
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn

from velora.models.storage.builder import blamed, build
from velora.models.storage.refusal import require, require_shapes
from velora.plugins import networks

VERSION = 2
_OWN = ("ncp", "liquid")
_LONGEST_NAME = 200
_SIZES = ("in_features", "out_features")
_NO_JSON = (
    "`options` must hold what JSON has: finite numbers, strings, booleans, None, "
    "lists, and dicts with strings as keys"
)
_ENTRIES = {"version", "network", "distribution", "options", *_SIZES}


def describe(
    network: nn.Module,
    name: str,
    sizes: Mapping[str, int | None],
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Returns what a network is, and its tensors by name.

    It is built anew from its description, so what would not be loaded is not saved.

    Args:
        network: what the builder of that name has made.
        name: in `velora.plugins.networks()`.
        sizes: "in_features" and "out_features"; None is taken from the network.
        options: what its builder got beyond them.

    Raises:
        KeyError: no network has this name; the message lists the known ones.
        TypeError: the builder makes networks of another class, a size is none, or the
            options are no JSON.
        ValueError: the network has no data, or is not what the builder makes of these
            sizes and options and what `state_dict()` holds.
    """
    entry = networks()[name]
    description = {
        "version": VERSION,
        "network": name,
        "distribution": entry.distribution,
        **{size: _size(network, size, given) for size, given in sizes.items()},
        "options": _as_json(options),
    }
    state = _state(network)
    lacking = [key for key, value in state.items() if value.is_meta]
    require(not lacking, "`network` must hold data", lacking, "Give it some first.")
    twin = restore(description, state, "Pass all that its builder got, as `options`.")
    if _class(twin) != _class(network):
        raise TypeError(
            f"`network` must be what {name!r} builds, a {_class(twin)}; got a "
            f"{_class(network)}. Pass the name that it is registered by."
        )
    loaded = _state(twin)
    lost = [key for key, value in state.items() if not _same(value, loaded[key])]
    require(
        not lost,
        f"what {name!r} builds must take all tensors as they are",
        lost,
        "Save the `state_dict()` instead.",
    )
    return description, state


def restore(
    description: Mapping[str, Any], tensors: Mapping[str, Tensor], fix: str = ""
) -> nn.Module:
    """Returns the network of a file.

    Args:
        description: what `describe` returns.
        tensors: by their names.
        fix: what to do where they are of another network.

    Raises:
        MissingNetworkError: the network is not registered.
        ValueError: the file is another than `describe` makes, or the builder another
            than that of the network.
    """
    _check(description)
    name, options = description["network"], description["options"]
    sizes = {size: description[size] for size in _SIZES}
    asked = (name, description["distribution"], sizes, options)
    whose = f"the network {name!r} of these sizes and options"
    # Without numbers first: a header of a few bytes may claim any size.
    empty = _state(build(*asked, device="meta"))
    require_shapes(tensors, empty, whose, fix)
    _check_dtypes(tensors, empty)
    network = build(*asked, device="cpu")
    with blamed(f"{whose} must take its tensors"):
        _fill(network, tensors)
    return network


def _check(description: Mapping[str, Any]) -> None:
    """Refuses a description of another form."""
    require(
        description.keys() == _ENTRIES,
        f"'velora' must have the entries {sorted(_ENTRIES)}",
        description,
    )
    name, source = description["network"], description["distribution"]
    require(
        isinstance(name, str) and len(name) <= _LONGEST_NAME,
        f"`network` must be a name of at most {_LONGEST_NAME} letters",
        name,
    )
    require(
        name not in _OWN,
        f"the name must be none of {list(_OWN)}, whose networks their class describes",
        name,
    )
    # It is told to people, who may install what it names.
    known = isinstance(source, str) and re.fullmatch(r"[\w.-]{1,100}", source, re.A)
    require(
        source is None or bool(known), "`distribution` must be a name or null", source
    )
    for size in _SIZES:
        value = description[size]
        require(type(value) is int and value > 0, f"`{size}` must be positive", value)
    options = description["options"]
    require(isinstance(options, dict), "`options` must be an object", options)


def _state(network: nn.Module) -> dict[str, Tensor]:
    state = network.state_dict()
    others = [
        name
        for name, value in state.items()
        if not isinstance(value, Tensor) or value.layout != torch.strided
    ]
    require(not others, "`state_dict()` must hold tensors alone, each dense", others)
    return state


def _check_dtypes(tensors: Mapping[str, Tensor], empty: Mapping[str, Tensor]) -> None:
    """Refuses tensors of another dtype, but real numbers of another precision."""
    for name, value in tensors.items():
        dtype = empty[name].dtype
        require(
            value.dtype == dtype
            or (value.is_floating_point() and dtype.is_floating_point),
            f"{name!r} must be of {dtype}",
            value.dtype,
        )


def _fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Gives a network the tensors and their dtypes; what is tied stays tied."""
    own: dict[str, Tensor] = dict(network.named_parameters(remove_duplicate=False))
    own |= dict(network.named_buffers(remove_duplicate=False))
    # What is not saved goes along: `double()` moves it, too.
    moved = {
        own[key].dtype: value.dtype for key, value in tensors.items() if key in own
    }
    for name, tensor in own.items():
        dtype = moved.get(tensor.dtype, tensor.dtype)
        tensor.data = tensor.data.to(tensors[name].dtype if name in tensors else dtype)
    network.load_state_dict(tensors)


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same bits, NaN included."""
    one, other = (
        value.detach().cpu().contiguous().reshape(-1) for value in (one, other)
    )
    if one.dtype != other.dtype:
        return False
    return torch.equal(one.view(torch.uint8), other.view(torch.uint8))


def _class(network: nn.Module) -> str:
    kind = type(network)
    return f"{kind.__module__}.{kind.__qualname__}"


def _size(network: nn.Module, name: str, given: int | None) -> int:
    size = getattr(network, name, None) if given is None else given
    if isinstance(size, SupportsIndex) and not isinstance(size, bool):
        size = index(size)
    if type(size) is not int or size < 1:
        raise TypeError(
            f"`{name}` must be a positive integer, given or an attribute of the "
            f"network; got {size!r}. Pass the size that the network was built with."
        )
    return size


def _as_json(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns options as they come back from a file, with lists where tuples were."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(options), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{_NO_JSON}: {error}.") from error
    if plain != _with_lists(dict(options)):  # JSON makes strings of other keys
        raise TypeError(f"{_NO_JSON}; got {options!r:.300}, which it would change.")
    return plain


def _with_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_lists(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_with_lists(entry) for entry in value]
    return value
