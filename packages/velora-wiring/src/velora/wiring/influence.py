"""What neurons and synapses do to the motor neurons, of a network that is linear.

Near rest a network is: what a neuron adds to a motor neuron is then the product of the
effects along each path there, summed over the paths. Activations, whose slopes at rest
are those of all neurons of a layer, are left out: they scale a layer as a whole. So is
what recurs: a path is that of one step.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from velora.wiring.layers import Layers

Array = npt.NDArray[np.float64]
Arrays = dict[str, Array]  # by layer
KINDS = ("sensory", "inter", "command", "motor")
FEED_FORWARD = ("inter", "command", "motor")
# Which kinds of neurons a layer of synapses joins.
ENDS = {
    "inter": ("sensory", "inter"),
    "command": ("inter", "command"),
    "motor": ("command", "motor"),
    "recurrent": ("command", "command"),
}


def arrays_of(layers: Layers) -> Arrays:
    """Returns masks or effects as (from, to) arrays by layer.

    Raises:
        TypeError: a layer is no tensor.
        ValueError: layers do not fit each other, or hold what is not finite.
    """
    arrays: Arrays = {}
    sizes: dict[str, int] = {}
    for name, layer in layers.items():
        if not isinstance(layer, torch.Tensor):
            raise TypeError(
                f"The {name} layer must be a tensor; got {type(layer).__name__}. Pass "
                "torch.as_tensor(layer)."
            )
        if layer.dim() != 2 or 0 in layer.shape:
            raise ValueError(
                f"The {name} layer must have shape (from, to), with at least one "
                f"neuron on each side; got {tuple(layer.shape)}."
            )
        for kind, size in zip(ENDS[name], layer.shape, strict=True):
            if sizes.setdefault(kind, size) != size:
                raise ValueError(
                    f"Layers must fit each other, (from, to) each: the {name} layer of "
                    f"shape {tuple(layer.shape)} has {size} {kind} neurons where the "
                    f"layer before has {sizes[kind]}. Transpose what is (to, from)."
                )
        arrays[name] = layer.detach().to("cpu").to(torch.float64).numpy()
        if not np.isfinite(arrays[name]).all():
            raise ValueError(
                f"The {name} layer must hold finite numbers; got NaN or infinity. Draw "
                "the network before its weights diverge."
            )
    return arrays


def influence_of(effects: Arrays) -> Arrays:
    """Returns what the neurons of each kind do to the motor neurons.

    Args:
        effects: (from, to) effects by layer.

    Returns:
        (neurons, motor) arrays by kind; a motor neuron's is 1 on itself.
    """
    influence = {"motor": np.eye(effects["motor"].shape[1])}
    for name in ("motor", "command", "inter"):
        start, end = ENDS[name]
        influence[start] = effects[name] @ influence[end]
    return influence


def size_of(influence: Array) -> Array:
    """Returns (neurons,) sizes of (neurons, motor) influences: their absolute sums."""
    size: Array = np.abs(influence).sum(axis=1)
    return size


def strengths_of(effects: Arrays, influence: Arrays) -> Arrays:
    """Returns what each synapse weighs: its |effect| times what follows it.

    Args:
        effects: (from, to) effects by layer.
        influence: what `influence_of` gives of them.

    Returns:
        (from, to) arrays by layer, the recurrent one too; 0 where there is no synapse,
        and there alone.
    """
    least = np.finfo(np.float64).tiny
    return {
        name: np.where(
            effect != 0,
            np.maximum(np.abs(effect) * size_of(influence[ENDS[name][1]]), least),
            0.0,
        )
        for name, effect in effects.items()
    }


def strongest_paths(effects: Arrays, motor: int, count: int) -> npt.NDArray[np.intp]:
    """Returns the paths to a motor neuron whose products of effects are the largest.

    Args:
        effects: (from, to) effects by layer.
        motor: the motor neuron's index.
        count: how many paths at most.

    Returns:
        (paths, 3) indices of sensory, inter and command neurons, strongest first.
    """
    inter = np.abs(effects["inter"])
    onward = np.abs(effects["command"]) * np.abs(effects["motor"][:, motor])
    # The strongest paths lead through no more pairs of inter and command neurons than
    # they are, and these are the pairs whose best path is strongest.
    i, c = strongest(inter.max(axis=0)[:, None] * onward, count)
    sensory, pair = strongest(inter[:, i] * onward[i, c], count)
    return np.stack((sensory, i[pair], c[pair]), axis=1)


def strongest(
    values: Array, count: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Returns rows and columns of the largest positive entries, largest first."""
    flat = values.ravel()
    count = min(count, int(np.count_nonzero(flat > 0)))
    largest = np.argpartition(-flat, count - 1)[:count] if count else np.arange(0)
    largest = largest[np.lexsort((largest, -flat[largest]))]
    rows, columns = np.unravel_index(largest, values.shape)
    return rows, columns
