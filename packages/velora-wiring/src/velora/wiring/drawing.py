"""The picture of a wiring, on one page of matplotlib."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from velora.wiring.connectome import Connectome
from velora.wiring.masks import LayerMasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue and vermilion of Okabe and Ito: told apart by every kind of colour vision.
EXCITATORY, INHIBITORY = "#0072B2", "#D55E00"
_INK, _PALE = "#333333", "#777777"
Places = npt.NDArray[np.float64]  # (neurons, 2) coordinates
_LAYERS = ("sensory", "inter", "command", "motor")
_COLUMNS = {"sensory": 0.0, "inter": 1.0, "command": 2.15, "motor": 3.15}


def draw(
    wiring: Connectome | LayerMasks,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    sensory_names: Sequence[str] | None = None,
    motor_names: Sequence[str] | None = None,
) -> Figure:
    """Draws who is connected to whom, layer by layer from left to right.

    Blue synapses excite, vermilion ones inhibit. Recurrent synapses are arcs beside
    the command neurons; where every command neuron reaches every other, one band
    stands for them all.

    Args:
        wiring: what to draw: a wiring, or masks alone, such as the `synapses` of a
            trained network.
        path: where to write the picture; the ending says the format (PNG, SVG, PDF).
        title: a line above the picture.
        sensory_names: a label for each sensory neuron.
        motor_names: a label for each motor neuron.

    Returns:
        The matplotlib figure, for those who want to go on drawing.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: `wiring` is neither a wiring nor masks.
        ValueError: there are more or fewer names than neurons.
    """
    masks = wiring.masks if isinstance(wiring, Connectome) else wiring
    if not isinstance(masks, LayerMasks):
        raise TypeError(
            "`wiring` must be a Wiring, a Connectome or LayerMasks; got "
            f"{type(wiring).__name__}. Of a network, pass `network.synapses`."
        )
    sizes = {
        "sensory": masks.inter.shape[0],
        "inter": masks.command.shape[0],
        "command": masks.motor.shape[0],
        "motor": masks.motor.shape[1],
    }
    _check_names("sensory_names", sensory_names, sizes["sensory"])
    _check_names("motor_names", motor_names, sizes["motor"])

    figure: Figure = _matplotlib("figure").Figure(
        figsize=(9, 6), dpi=150, layout="tight"
    )
    axes: Axes = figure.add_subplot()
    places = {layer: _places(layer, sizes[layer]) for layer in _LAYERS}
    for mask, start, end in (
        (masks.inter, "sensory", "inter"),
        (masks.command, "inter", "command"),
        (masks.motor, "command", "motor"),
    ):
        _draw_synapses(axes, mask, places[start], places[end])
    if masks.recurrent is not None:
        _draw_recurrence(axes, masks.recurrent, places["command"])
    for layer in _LAYERS:
        _draw_neurons(axes, layer, places[layer])
    _label(axes, places["sensory"], sensory_names, "right")
    _label(axes, places["motor"], motor_names, "left")
    _draw_legend(axes, masks)

    axes.set_title(title or "", fontsize=12, color=_INK, pad=18)
    axes.set_xlim(-0.45, 3.6)
    axes.set_ylim(-0.62, 0.6)
    axes.axis("off")
    if path is not None:
        figure.savefig(path, facecolor="white")
    return figure


def _matplotlib(module: str) -> Any:
    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError as error:
        raise ImportError(
            "Drawing a wiring needs matplotlib, which is not installed: "
            "pip install 'velora-wiring[draw]'"
        ) from error


def _places(layer: str, count: int) -> Places:
    """Returns the (count, 2) places of a layer's neurons in a column."""
    height = min(0.11 * (count - 1), 1.0)
    y = np.linspace(height / 2, -height / 2, count)
    # Many neurons stand in zigzag, so that none touches the next.
    width = 0.05 if count > 24 else 0.0
    x = _COLUMNS[layer] + width * (np.arange(count) % 2 - 0.5)
    return np.stack((x, y), axis=1)


def _draw_synapses(axes: Axes, mask: Tensor, start: Places, end: Places) -> None:
    signs = mask.cpu().numpy()
    sources, targets = signs.nonzero()
    lines = np.stack((start[sources], end[targets]), axis=1)
    inhibitory = signs[sources, targets] < 0
    # Fewer synapses get more ink, so that a few are plain and many stay legible.
    strength = min(max(14 / max(len(lines), 1) ** 0.5, 0.35), 1.0)
    axes.add_collection(
        _matplotlib("collections").LineCollection(
            lines,
            colors=[INHIBITORY if minus else EXCITATORY for minus in inhibitory],
            linewidths=0.5 + 0.7 * strength,
            alpha=0.25 + 0.55 * strength,
            zorder=1,
        )
    )


def _draw_recurrence(axes: Axes, mask: Tensor, places: Places) -> None:
    patches = _matplotlib("patches")
    if _is_dense(mask):
        top, bottom = float(places[0, 1]), float(places[-1, 1])
        x = _COLUMNS["command"]
        axes.add_patch(
            patches.FancyBboxPatch(
                (x - 0.07, bottom),
                0.14,
                top - bottom,
                boxstyle="round,pad=0.028,rounding_size=0.07",
                facecolor="#E8E8E8",
                edgecolor=_PALE,
                linewidth=0.8,
                zorder=2,
            )
        )
        return
    for source, target in mask.nonzero().tolist():
        color = INHIBITORY if mask[source, target] < 0 else EXCITATORY
        start, end = places[source].tolist(), places[target].tolist()
        if source == target:
            loop = patches.Circle((start[0] + 0.05, start[1]), 0.03, fill=False)
            loop.set(edgecolor=color, linewidth=0.9, alpha=0.7, zorder=2)
            axes.add_patch(loop)
            continue
        arc = patches.FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={0.45 if start[1] < end[1] else -0.45}",
            arrowstyle="-|>,head_length=3,head_width=1.6",
            color=color,
            linewidth=0.9,
            alpha=0.7,
            shrinkB=4,
            zorder=2,
        )
        axes.add_patch(arc)


def _is_dense(recurrent: Tensor) -> bool:
    return len(recurrent) > 1 and bool((recurrent != 0).all())


def _draw_neurons(axes: Axes, layer: str, places: Places) -> None:
    count = len(places)
    axes.scatter(
        places[:, 0],
        places[:, 1],
        s=min(1500 / count, 90),
        facecolor="white",
        edgecolor=_INK,
        linewidth=1.1,
        zorder=3,
    )
    x = _COLUMNS[layer]
    axes.text(x, 0.585, layer, ha="center", fontsize=11, color=_INK, weight="bold")
    axes.text(x, 0.545, f"{count}", ha="center", fontsize=9, color=_PALE)


def _label(axes: Axes, places: Places, names: Sequence[str] | None, side: str) -> None:
    offset = -0.07 if side == "right" else 0.07
    for (x, y), name in zip(places.tolist(), names or (), strict=False):
        axes.text(x + offset, y, name, ha=side, va="center", fontsize=9, color=_INK)


def _draw_legend(axes: Axes, masks: LayerMasks) -> None:
    line = _matplotlib("lines").Line2D
    handles = [
        line([], [], color=EXCITATORY, label="excitatory"),
        line([], [], color=INHIBITORY, label="inhibitory"),
    ]
    if masks.recurrent is not None and _is_dense(masks.recurrent):
        patch = _matplotlib("patches").Patch(
            facecolor="#E8E8E8",
            edgecolor=_PALE,
            label="dense recurrence: every command neuron reaches them all",
        )
        handles.append(patch)
    axes.legend(
        handles=handles,
        loc="lower center",
        ncols=len(handles),
        frameon=False,
        fontsize=9,
    )


def _check_names(argument: str, names: Sequence[str] | None, count: int) -> None:
    if names is not None and len(names) != count:
        raise ValueError(
            f"`{argument}` must have a label for each of the {count} neurons; got "
            f"{len(names)}."
        )
