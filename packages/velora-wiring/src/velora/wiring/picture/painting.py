"""Lines, arcs, neurons and words of a picture, in matplotlib."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from velora.wiring.influence import ENDS, FEED_FORWARD, KINDS, Array
from velora.wiring.picture.sketch import COLUMNS, X_RANGE, Y_RANGE, Sketch, joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Blue and vermilion of Okabe and Ito: told apart by every kind of colour vision.
EXCITATORY, INHIBITORY = "#0072B2", "#D55E00"
_INK, _PALE, _FAINT, _BAND = "#333333", "#777777", "#BBBBBB", "#EEEEEE"
_RECURRENT, _LINES, _NEURONS = 1, 2, 3  # what is drawn above what


def matplotlib(module: str) -> Any:
    """Imports a module of matplotlib, on use alone.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError as error:
        raise ImportError(
            "Drawing a wiring needs matplotlib, which is not installed: "
            "pip install 'velora-wiring[draw]'"
        ) from error


def paint(
    axes: Axes,
    sketch: Sketch,
    *,
    title: str | None,
    sensory_names: Sequence[str] | None,
    motor_names: Sequence[str] | None,
) -> None:
    """Paints a sketch into axes, what recurs below the other lines."""
    if "recurrent" in sketch.effects:
        if sketch.is_banded:
            _paint_band(axes, sketch)
        else:
            _paint_arcs(axes, sketch)
    for name in FEED_FORWARD:
        _paint_lines(axes, sketch, name)
    for kind in KINDS:
        _paint_neurons(axes, sketch, kind)
    _paint_names(axes, sketch, "sensory", sensory_names)
    _paint_names(axes, sketch, "motor", motor_names)
    _paint_legend(axes, sketch)
    scale = sketch.page.scale
    axes.set_title(title or "", fontsize=12 * scale, color=_INK, pad=18 * scale)
    axes.set(xlim=X_RANGE, ylim=Y_RANGE)
    axes.axis("off")


def _strokes(
    sketch: Sketch, name: str
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array, Array]:
    """Returns what the lines of a layer are like, the weakest first.

    Returns:
        sources: (lines,) neurons that they start from.
        targets: (lines,) neurons that they lead to.
        widths: (lines,) points.
        colors: (lines, 4) red, green, blue and opacity.
    """
    strength = sketch.strengths[name]
    sources, targets = sketch.selection.drawn[name].nonzero()
    rank = np.argsort(strength[sources, targets], kind="stable")
    sources, targets = sources[rank], targets[rank]
    if sketch.weighted:
        share = strength[sources, targets] / strength.max(initial=1e-300)
        widths, opacity = 0.35 + 3 * share, 0.35 + 0.5 * share**0.5
    else:
        # Fewer synapses get more ink, so that a few are plain and many stay legible.
        ink = min(max(14 / max(len(rank), 1) ** 0.5, 0.35), 1.0)
        widths = np.full(len(rank), 0.5 + 0.7 * ink)
        opacity = np.full(len(rank), 0.25 + 0.55 * ink)
    rgba = np.array([matplotlib("colors").to_rgba(c) for c in (EXCITATORY, INHIBITORY)])
    colors = rgba[(sketch.effects[name][sources, targets] < 0).astype(int)]
    lit = sketch.selection.lit
    if lit is not None:
        pale = ~lit[name][sources, targets] if name in lit else slice(None)
        opacity[pale] *= 0.2
    colors[:, 3] = opacity
    return sources, targets, widths * sketch.page.scale, colors


def _paint_lines(axes: Axes, sketch: Sketch, name: str) -> None:
    start, end = ENDS[name]
    sources, targets, widths, colors = _strokes(sketch, name)
    ends = sketch.places[start][sources], sketch.places[end][targets]
    axes.add_collection(
        matplotlib("collections").LineCollection(
            np.stack(ends, axis=1),
            colors=colors,
            linewidths=widths,
            capstyle="round",
            zorder=_LINES,
        )
    )


def _paint_band(axes: Axes, sketch: Sketch) -> None:
    heights = sketch.places["command"][:, 1]
    box = matplotlib("patches").FancyBboxPatch(
        (COLUMNS["command"] - 0.07, heights.min()),
        0.14,
        heights.max() - heights.min(),
        boxstyle="round,pad=0.028,rounding_size=0.07",
        facecolor=_BAND,
        edgecolor=_FAINT,
        linewidth=0.8 * sketch.page.scale,
        zorder=_RECURRENT,
    )
    axes.add_patch(box)


def _paint_arcs(axes: Axes, sketch: Sketch) -> None:
    patches = matplotlib("patches")
    places, diameters = sketch.places["command"], sketch.diameters["command"]
    scale, (x_unit, y_unit) = sketch.page.scale, sketch.page.unit
    sources, targets, widths, colors = _strokes(sketch, "recurrent")
    if sketch.weighted:  # thinner than the lines, which are the network's first step
        widths, colors[:, 3] = 0.55 * widths, 0.8 * colors[:, 3]
    for source, target, width, color in zip(
        sources.tolist(), targets.tolist(), widths.tolist(), colors, strict=True
    ):
        (x, start), end = places[source].tolist(), float(places[target, 1])
        if source == target:
            size = float(diameters[source]) + 4 * scale
            loop = patches.Ellipse(
                (x + size / 2 / x_unit, start),
                size / x_unit,
                size / y_unit,
                fill=False,
                edgecolor=color,
                linewidth=width,
                zorder=_RECURRENT,
            )
            axes.add_patch(loop)
            continue
        bend = min(0.45, 0.28 / abs(start - end))
        arc = patches.FancyArrowPatch(
            (x, start),
            (x, end),
            connectionstyle=f"arc3,rad={bend if start < end else -bend}",
            arrowstyle="-|>,head_length=3,head_width=1.6",
            mutation_scale=scale,
            color=color,
            linewidth=width,
            shrinkA=0,
            shrinkB=float(diameters[target]) / 2,
            zorder=_RECURRENT,
        )
        axes.add_patch(arc)


def _paint_neurons(axes: Axes, sketch: Sketch, kind: str) -> None:
    places, diameters = sketch.places[kind], sketch.diameters[kind]
    scale = sketch.page.scale
    has_line = joined(sketch.selection.drawn, kind)
    edges = np.where(has_line, _INK, _FAINT)
    if sketch.selection.lit is not None:
        edges = np.where(joined(sketch.selection.lit, kind), _INK, _FAINT)
    axes.scatter(
        places[:, 0],
        places[:, 1],
        s=np.maximum(diameters, 0.7) ** 2,
        facecolor=np.where(has_line, "white", _FAINT).tolist(),
        edgecolor=edges.tolist(),
        linewidth=np.where(has_line, np.minimum(1.1 * scale, diameters / 5), 0),
        zorder=_NEURONS,
    )
    for text, size, up, color, weight in (
        (kind, 11, 24, _INK, "bold"),
        (f"{len(places)}", 9, 12, _PALE, "normal"),
    ):
        axes.annotate(
            text,
            (COLUMNS[kind], 0.5),
            xytext=(0, up * scale),
            textcoords="offset points",
            ha="center",
            fontsize=size * scale,
            color=color,
            weight=weight,
        )


def _paint_names(
    axes: Axes, sketch: Sketch, kind: str, names: Sequence[str] | None
) -> None:
    """Names the neurons, the most influential ones where there is no room for all."""
    if names is None:
        return
    size = 9 * sketch.page.scale
    apart = 1.25 * size / sketch.page.unit[1]
    side, away = ("right", -1) if kind == "sensory" else ("left", 1)
    taken: list[float] = []
    for neuron in np.argsort(-sketch.diameters[kind], kind="stable").tolist():
        x, y = sketch.places[kind][neuron].tolist()
        if all(abs(y - other) >= apart for other in taken):
            taken.append(y)
            offset = float(sketch.diameters[kind][neuron]) / 2 + 5 * sketch.page.scale
            axes.annotate(
                names[neuron],
                (x, y),
                xytext=(away * offset, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=size,
                color=_INK,
            )


def _paint_legend(axes: Axes, sketch: Sketch) -> None:
    scale, stroke = sketch.page.scale, matplotlib("lines").Line2D
    handles = [
        stroke([], [], color=EXCITATORY, label="excitatory"),
        stroke([], [], color=INHIBITORY, label="inhibitory"),
    ]
    if sketch.is_banded:
        band = matplotlib("patches").Patch(
            facecolor=_BAND,
            edgecolor=_FAINT,
            label="dense recurrence: every command neuron reaches them all",
        )
        handles.append(band)
    middle = sum(X_RANGE) / 2
    room = max(int(0.19 * sketch.page.width / scale), 20)  # letters in a line
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(middle, -0.52),
        bbox_transform=axes.transData,
        ncols=len(handles),
        frameon=False,
        labelcolor=_INK,
        fontsize=9 * scale,
    )
    axes.annotate(
        "\n".join(
            line for words in sketch.selection.words for line in wrap(words, room)
        ),
        (middle, -0.52),
        xytext=(0, -26 * scale),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8 * scale,
        color=_PALE,
        linespacing=1.4,
    )
