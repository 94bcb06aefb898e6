"""Words of a picture: title, layers, names of neurons, legend and caption."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from velora.wiring.influence import KINDS
from velora.wiring.picture.ink import (
    BAND,
    EXCITATORY,
    FAINT,
    INHIBITORY,
    INK,
    PALE,
    matplotlib,
)
from velora.wiring.picture.sketch import COLUMNS, X_RANGE, Sketch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BELOW = (sum(X_RANGE) / 2, -0.52)  # where legend and caption begin


def write(
    axes: Axes,
    sketch: Sketch,
    *,
    title: str | None,
    sensory_names: Sequence[str] | None,
    motor_names: Sequence[str] | None,
) -> None:
    """Writes into the axes that a sketch is painted into."""
    scale = sketch.page.scale
    axes.set_title(title or "", fontsize=12 * scale, color=INK, pad=18 * scale)
    for kind in KINDS:
        _write_heading(axes, sketch, kind)
    _write_names(axes, sketch, "sensory", sensory_names)
    _write_names(axes, sketch, "motor", motor_names)
    _write_legend(axes, sketch)
    _write_caption(axes, sketch)


def _write_heading(axes: Axes, sketch: Sketch, kind: str) -> None:
    scale, count = sketch.page.scale, len(sketch.places[kind])
    for text, size, up, color, weight in (
        (kind, 11, 24, INK, "bold"),
        (f"{count}", 9, 12, PALE, "normal"),
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


def _write_names(
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
                color=INK,
            )


def _write_legend(axes: Axes, sketch: Sketch) -> None:
    scale, stroke = sketch.page.scale, matplotlib("lines").Line2D
    handles = [
        stroke([], [], color=EXCITATORY, label="excitatory"),
        stroke([], [], color=INHIBITORY, label="inhibitory"),
    ]
    if sketch.is_banded:
        band = matplotlib("patches").Patch(
            facecolor=BAND,
            edgecolor=FAINT,
            label="dense recurrence: every command neuron reaches them all",
        )
        handles.append(band)
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=_BELOW,
        bbox_transform=axes.transData,
        ncols=len(handles),
        frameon=False,
        labelcolor=INK,
        fontsize=9 * scale,
    )


def _write_caption(axes: Axes, sketch: Sketch) -> None:
    scale = sketch.page.scale
    room = max(int(0.19 * sketch.page.width / scale), 20)  # letters in a line
    axes.annotate(
        "\n".join(
            line for words in sketch.selection.words for line in wrap(words, room)
        ),
        _BELOW,
        xytext=(0, -26 * scale),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8 * scale,
        color=PALE,
        linespacing=1.4,
    )
