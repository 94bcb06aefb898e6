"""Lines, arcs and neurons of a picture, in matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from velora.wiring.influence import ENDS, FEED_FORWARD, KINDS, Array
from velora.wiring.picture.ink import (
    BAND,
    EXCITATORY,
    FAINT,
    INHIBITORY,
    INK,
    matplotlib,
)
from velora.wiring.picture.sketch import COLUMNS, X_RANGE, Y_RANGE, Sketch, joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RECURRENT, _LINES, _NEURONS = 1, 2, 3  # what is drawn above what


def paint(axes: Axes, sketch: Sketch) -> None:
    """Paints synapses and neurons into axes, what recurs below the other lines."""
    if "recurrent" in sketch.effects:
        if sketch.is_banded:
            _paint_band(axes, sketch)
        else:
            _paint_arcs(axes, sketch)
    for name in FEED_FORWARD:
        _paint_lines(axes, sketch, name)
    for kind in KINDS:
        _paint_neurons(axes, sketch, kind)
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
        facecolor=BAND,
        edgecolor=FAINT,
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
    edges = np.where(has_line, INK, FAINT)
    if sketch.selection.lit is not None:
        edges = np.where(joined(sketch.selection.lit, kind), INK, FAINT)
    axes.scatter(
        places[:, 0],
        places[:, 1],
        s=np.maximum(diameters, 0.7) ** 2,
        facecolor=np.where(has_line, "white", FAINT).tolist(),
        edgecolor=edges.tolist(),
        linewidth=np.where(has_line, np.minimum(1.1 * scale, diameters / 5), 0),
        zorder=_NEURONS,
    )
