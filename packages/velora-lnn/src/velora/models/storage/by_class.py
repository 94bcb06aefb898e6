"""Format 1: a network of Velora's own classes, described by class, sizes and wiring.

Neither the registry nor anything that a plugin brings is needed to load it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, astuple, fields
from itertools import pairwise
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from velora.models.lnn.gated_leaky.network import GatedLeakyNCPNetwork
from velora.models.lnn.ncp import LiquidNCPNetwork, NCPNetwork
from velora.models.storage.refusal import require, require_shapes
from velora.wiring import Connectome, LayerMasks, NeuronCounts, Wiring

VERSION = 1
Network = NCPNetwork | LiquidNCPNetwork | GatedLeakyNCPNetwork
CLASSES: dict[str, type[Network]] = {
    kind.__name__: kind for kind in (NCPNetwork, LiquidNCPNetwork, GatedLeakyNCPNetwork)
}

_OPTIONS = ("in_features", "n_neurons", "out_features", "sparsity_level", "init_type")
_ACTIVATION = "activation"  # an option that is there where it is not Mish
_DTYPES = {torch.float64, torch.float32, torch.float16, torch.bfloat16}
_INSTEAD = "Save its `state_dict()` instead."


def describes(network: nn.Module) -> TypeGuard[Network]:
    """Whether a network is of these classes; one of a subclass is not."""
    return type(network) in CLASSES.values()


def describe(network: Network) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Returns what a network is, and its tensors by name.

    Masks are (to, from); "command.sparsity_mask" has the columns of the inter neurons
    first, then those of the command neurons. The mask that the heads of a cell share
    is there once.

    Raises:
        ValueError: the network has norms, no data, or other tensors than its class
            makes.
    """
    require(
        network.norms is None,
        "`norms` must be None, as a file cannot name the callable that makes them",
        network.norms,
        _INSTEAD,
    )
    where = network.device.type
    require(where != "meta", "`network` must hold data", where, "Give it some first.")
    wiring = network.wiring
    options = {
        "in_features": network.in_features,
        "n_neurons": network.n_neurons,
        "out_features": network.out_features,
        # None says that no NCP rule gave the layers their sizes.
        "sparsity_level": wiring.sparsity_level if type(wiring) is Wiring else None,
        "init_type": network.inter.init_type,
    }
    if isinstance(network, NCPNetwork) and network.activation != NCPNetwork.activation:
        options[_ACTIVATION] = network.activation
    tensors = _tensors(network)
    empty = _without_data(type(network), options, network.counts)
    _check_tensors(tensors, empty, _INSTEAD)
    return _description(network, options), tensors


def restore(description: dict[str, Any], tensors: dict[str, Tensor]) -> Network:
    """Returns the network of a file.

    Raises:
        Exception: the file is another than `describe` makes.
    """
    name, options = description.get("class"), description.get("options")
    require(name in list(CLASSES), f"`class` must be one of {list(CLASSES)}", name)
    more = {_ACTIVATION} if name == NCPNetwork.__name__ else set()
    require(
        isinstance(options, dict) and options.keys() - more == set(_OPTIONS),
        f"`options` must have the entries {list(_OPTIONS)}",
        options,
    )
    options = dict(options or {})
    counts = None
    if options["sparsity_level"] is None:
        counts = _counts(description)
    _check_size(options, counts, sum(value.numel() for value in tensors.values()))
    network = _without_data(CLASSES[str(name)], options, counts)
    _check_tensors(tensors, network)
    expected = _description(network, options)
    require(description == expected, f"'velora' must be {expected}", description)
    state = {name: value.clone() for name, value in tensors.items()}
    # Not strict: a cell gives its heads the mask that they share by itself.
    network.load_state_dict(state, strict=False, assign=True)
    return network


def _check_size(
    options: dict[str, Any], counts: NeuronCounts | None, numbers: int
) -> None:
    """Refuses sizes that are not those of a network of so many numbers.

    A header of a few bytes may claim any size, and masks are made for it.
    """
    if counts is not None:
        claimed = sum(a * b for a, b in pairwise(astuple(counts)))
    else:
        # With sizes F, N, O a network holds more than N·(F + N + O) / 5 numbers.
        f, n, o = (options[size] for size in _OPTIONS[:3])
        claimed = n * (f + n + o) // 5
    require(
        claimed <= numbers,
        f"the sizes must be those of a network of {numbers} numbers",
        counts or options,
    )


def _counts(description: dict[str, Any]) -> NeuronCounts:
    """Reads how many neurons a wiring has that no rule gave its sizes."""
    wiring = description.get("wiring")
    counts = wiring.get("counts") if isinstance(wiring, dict) else None
    kinds = [field.name for field in fields(NeuronCounts)]
    if not isinstance(counts, dict) or counts.keys() != set(kinds):
        counts = {}
    require(
        bool(counts) and all(type(n) is int and n > 0 for n in counts.values()),
        f"`counts` must have a positive number for each of {kinds}",
        counts,
    )
    return NeuronCounts(**counts)


def _without_data(
    kind: type[Network], options: dict[str, Any], counts: NeuronCounts | None
) -> Network:
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
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        return kind(**options, device="meta")


def _masks(network: Network) -> Iterator[str]:
    """Yields the names of masks; of the names of one that is shared, the first one."""
    return (name for name, _ in network.named_buffers())


def _tensors(network: Network) -> dict[str, Tensor]:
    """Returns the state by name; of the names of a shared mask, the first one.

    Masks are numbers of the weights' dtype, as they always were in a file.
    """
    tensors: dict[str, Tensor] = dict(network.named_parameters(remove_duplicate=False))
    for name, buffer in network.named_buffers():
        is_mask = buffer.dtype == torch.bool
        tensors[name] = buffer.to(network.inter.weight.dtype) if is_mask else buffer
    return tensors


def _description(network: Network, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "class": type(network).__name__,
        "options": options,
        "wiring": {
            "counts": asdict(network.counts),
            "sparsity_level": options["sparsity_level"],
            "masks": {name.split(".")[0]: name for name in _masks(network)},
        },
    }


def _check_tensors(tensors: dict[str, Tensor], network: Network, fix: str = "") -> None:
    """Refuses tensors that the network could not have.

    They have other names or shapes, mixed or other dtypes, or what is no mask.
    """
    whose = f"a {type(network).__name__} of these options"
    require_shapes(tensors, _tensors(network), whose, fix)
    dtypes = {value.dtype: name for name, value in tensors.items()}
    require(
        len(dtypes) == 1 and dtypes.keys() <= _DTYPES,
        f"all tensors must have one dtype of {sorted(map(str, _DTYPES))}",
        dtypes,
        fix,
    )
    for name in _masks(network):
        mask = tensors[name].detach()
        other = mask[(mask != 0) & (mask != 1)]
        require(
            not len(other),
            f"{name!r} must hold 0 (no synapse) or 1 alone",
            other[:3].tolist(),
            fix,
        )
