"""Networks in files of numbers: safetensors, from which no code can run."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, astuple, fields
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork
from velora.wiring import Connectome, LayerMasks, NeuronCounts, Wiring

FORMAT_VERSION = 1
_Network = NCPNetwork | LiquidNCPNetwork
_CLASSES = {kind.__name__: kind for kind in (NCPNetwork, LiquidNCPNetwork)}
_OPTIONS = ("in_features", "n_neurons", "out_features", "sparsity_level", "init_type")
_DTYPES = {torch.float64, torch.float32, torch.float16, torch.bfloat16}
_INSTEAD = "Save its `state_dict()` instead."


def save_network(
    network: NCPNetwork | LiquidNCPNetwork, path: str | os.PathLike[str]
) -> None:
    """Writes a network into one safetensors file.

    The file holds the tensors of `network.state_dict()`, the mask that the heads of a
    liquid cell share once; its header's entry "velora" describes the network in JSON.
    Masks are (to, from); "command.sparsity_mask" has the columns of the inter neurons
    first, then those of the command neurons. An older file of that name is there
    until the new one is complete.

    Args:
        network: on any device, its tensors of one floating-point dtype.
        path: the file.

    Raises:
        TypeError: the network is of another class; a subclass is one.
        ValueError: the network has norms, no data, or other tensors than its class
            makes.
        OSError: the file cannot be written; IsADirectoryError if it is a directory.
    """
    if type(network) not in _CLASSES.values():
        raise TypeError(
            f"`network` must be one of {list(_CLASSES)}, the classes that "
            f"`load_network` makes; got {type(network).__name__}. {_INSTEAD}"
        )
    norms = getattr(network, "norms", None)
    _require(
        norms is None,
        "`norms` must be None, as a file cannot name the callable that makes them",
        norms,
        _INSTEAD,
    )
    where = network.device.type
    _require(where != "meta", "`network` must hold data", where, "Give it some first.")
    wiring = network.wiring
    options = {
        "in_features": network.in_features,
        "n_neurons": network.n_neurons,
        "out_features": network.out_features,
        # None says that no NCP rule gave the layers their sizes.
        "sparsity_level": wiring.sparsity_level if type(wiring) is Wiring else None,
        "init_type": network.inter.init_type,
    }
    tensors = _tensors(network)
    empty = _without_data(type(network), options, network.counts)
    _check_tensors(tensors, empty, _INSTEAD)
    # Copies: safetensors refuses parameters that someone tied.
    data = {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    content = save(data, {"velora": json.dumps(_description(network, options))})
    target = Path(path).resolve()
    if target.is_dir():
        raise IsADirectoryError(f"`path` must name a file; got the directory {path!r}.")
    unfinished = target.with_name(f"{uuid4().hex}.tmp")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def load_network(
    path: str | os.PathLike[str], *, device: torch.device | str | None = None
) -> NCPNetwork | LiquidNCPNetwork:
    """Reads a network that `save_network` wrote.

    It computes what the saved one did, in the same dtype. Nothing in the file is run,
    and PyTorch's random generators stay as they were.

    Args:
        path: the file.
        device: where the network is put; None is PyTorch's default.

    Raises:
        OSError: the file cannot be read; FileNotFoundError where there is none.
        ValueError: the file is broken, or none that `save_network` wrote.
    """
    path = os.fspath(path)
    device = torch.empty(0, device=device).device
    try:
        # Some versions of safetensors read onto PyTorch's default device.
        with torch.device("cpu"), safe_open(path, framework="pt") as file:
            network, tensors = _read(file)
    except (SafetensorError, TypeError, ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")  # without a C++ stack
        raise ValueError(
            f"{path!r} must be a file that `save_network` wrote, whole and unchanged: "
            f"{reason}. Save the network again."
        ) from error
    # Copies: what was read may be the file itself, mapped into memory.
    state = {name: value.to(device, copy=True) for name, value in tensors.items()}
    # Not strict: a cell gives its heads the mask that they share by itself.
    network.load_state_dict(state, strict=False, assign=True)
    return network


def _read(file: Any) -> tuple[_Network, dict[str, Tensor]]:
    """Returns the network of a file, without data, and its data, all of it checked."""
    header = file.metadata() or {}
    _require("velora" in header, "the header must have an entry 'velora'", list(header))
    description = json.loads(header["velora"])
    _require(
        isinstance(description, dict), "'velora' must be a JSON object", description
    )
    version, name = description.get("version"), description.get("class")
    _require(version == FORMAT_VERSION, f"`version` must be {FORMAT_VERSION}", version)
    _require(name in list(_CLASSES), f"`class` must be one of {list(_CLASSES)}", name)
    options = description.get("options")
    _require(
        isinstance(options, dict) and options.keys() == set(_OPTIONS),
        f"`options` must have the entries {list(_OPTIONS)}",
        options,
    )
    # Only `keys()` names what a safetensors file holds: it is no mapping.
    tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # see above
    # A header of a few bytes may claim any size, and masks are made for it.
    numbers = sum(value.numel() for value in tensors.values())
    counts = None
    if options["sparsity_level"] is None:
        counts = _counts(description)
        claimed = sum(a * b for a, b in pairwise(astuple(counts)))
    else:
        # With sizes F, N, O a network holds more than N·(F + N + O) / 5 numbers.
        f, n, o = (options[size] for size in _OPTIONS[:3])
        claimed = n * (f + n + o) // 5
    _require(
        claimed <= numbers,
        f"the sizes must be those of a network of {numbers} numbers",
        counts or options,
    )
    network = _without_data(_CLASSES[name], options, counts)
    _check_tensors(tensors, network)
    expected = _description(network, options)
    _require(description == expected, f"'velora' must be {expected}", description)
    return network, tensors


def _counts(description: dict[str, Any]) -> NeuronCounts:
    """Reads how many neurons a wiring has that no rule gave its sizes."""
    wiring = description.get("wiring")
    counts = wiring.get("counts") if isinstance(wiring, dict) else None
    kinds = [field.name for field in fields(NeuronCounts)]
    if not isinstance(counts, dict) or counts.keys() != set(kinds):
        counts = {}
    _require(
        bool(counts) and all(type(n) is int and n > 0 for n in counts.values()),
        f"`counts` must have a positive number for each of {kinds}",
        counts,
    )
    return NeuronCounts(**counts)


def _without_data(
    kind: type[_Network], options: dict[str, Any], counts: NeuronCounts | None
) -> _Network:
    """Makes a network without numbers; `counts` where no rule gives its sizes."""
    if options["sparsity_level"] is None and counts is not None:
        layers = ("inter", "command", "motor")
        sizes = pairwise(astuple(counts))
        masks = {
            name: torch.ones(pair) for name, pair in zip(layers, sizes, strict=True)
        }
        options = options | {"wiring": Connectome(LayerMasks(**masks))}
        del options["sparsity_level"]
    # On every device a wiring is drawn from the CPU's global generator.
    with torch.random.fork_rng(devices=[]):
        return kind(**options, device="meta")


def _tensors(network: _Network) -> dict[str, Tensor]:
    """Returns the state by name; of the names of a shared mask, the first one.

    Masks are numbers of the weights' dtype, as they always were in a file.
    """
    tensors: dict[str, Tensor] = dict(network.named_parameters(remove_duplicate=False))
    for name, buffer in network.named_buffers():
        is_mask = buffer.dtype == torch.bool
        tensors[name] = buffer.to(network.inter.weight.dtype) if is_mask else buffer
    return tensors


def _description(network: _Network, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": FORMAT_VERSION,
        "class": type(network).__name__,
        "options": options,
        "wiring": {
            "counts": asdict(network.counts),
            "sparsity_level": options["sparsity_level"],
            "masks": {name.split(".")[0]: name for name, _ in network.named_buffers()},
        },
    }


def _check_tensors(
    tensors: dict[str, Tensor], network: _Network, fix: str = ""
) -> None:
    """Refuses other names and shapes than the network's, and mixed or other dtypes."""
    got, expected = (
        {name: tuple(value.shape) for name, value in state.items()}
        for state in (tensors, _tensors(network))
    )
    wrong = sorted(name for name, _ in got.items() ^ expected.items())
    _require(
        not wrong,
        f"a {type(network).__name__} of these options must have tensors of shapes "
        f"{ {name: expected.get(name) for name in wrong} } (None: no such tensor)",
        {name: got.get(name) for name in wrong},
        fix,
    )
    dtypes = {value.dtype: name for name, value in tensors.items()}
    _require(
        len(dtypes) == 1 and dtypes.keys() <= _DTYPES,
        f"all tensors must have one dtype of {sorted(map(str, _DTYPES))}",
        dtypes,
        fix,
    )


def _require(met: bool, invariant: str, got: object, fix: str = "") -> None:
    if not met:
        raise ValueError(f"{invariant}; got {got!r:.300}. {fix}".rstrip())
