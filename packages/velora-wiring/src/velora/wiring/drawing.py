"""The picture of a wiring, on one page of matplotlib."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from velora.wiring.connectome import Connectome
from velora.wiring.effects import LayerEffects
from velora.wiring.influence import arrays_of
from velora.wiring.masks import LayerMasks
from velora.wiring.picture.ink import matplotlib
from velora.wiring.picture.options import (
    called,
    check_names,
    dpi_of_figure,
    motor_of,
    size_of_figure,
    top_of,
)
from velora.wiring.picture.painting import paint
from velora.wiring.picture.selection import select
from velora.wiring.picture.sketch import Page, sketch
from velora.wiring.picture.words import write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(
    wiring: Connectome | LayerMasks | LayerEffects,
    path: str | os.PathLike[str] | None = None,
    *,
    top: float | None = None,
    highlight: int | str | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] | None = None,
    dpi: float | None = None,
    title: str | None = None,
    sensory_names: Sequence[str] | None = None,
    motor_names: Sequence[str] | None = None,
) -> Figure:
    """Draws who is connected to whom, layer by layer from left to right.

    Blue synapses excite, vermilion ones inhibit. Inter and command neurons stand in an
    order in which few lines cross. Recurrent synapses are arcs beside the command
    neurons, below the lines; of masks in which every command neuron reaches every
    other, one band stands for them all.

    Effects, such as a trained network has, show what matters. A line is as wide as its
    |effect| times what follows it, and a neuron's area grows with its influence: what
    it adds to the motor neurons of a linear network, the sum over paths of the products
    of their effects. Widths and areas compare within a layer. The higher a neuron
    stands, the more it pushes the upper motor neurons up and the lower ones down. What
    is hidden is said in the caption: with up to 100 inter and command neurons all but
    the 80 strongest synapses between two layers, with more all that is on none of the
    strongest paths to each motor neuron, 24 where there are few; and all but 12
    recurrent ones. Of masks, which are signs, all is drawn.

    Args:
        wiring: what to draw: a wiring, masks, or effects, such as the `effects` of a
            trained network.
        path: where to write the picture; the ending says the format (PNG, SVG, PDF).
        top: how many synapses between two layers are drawn, the strongest: a share
            above 0 up to 1.0 (a float), or a number (an int).
        highlight: a motor neuron, by its index or its name in `motor_names`, whose
            strongest paths are in full colour, the rest being pale.
        ax: matplotlib axes to draw into; None makes a figure.
        size: width and height of the figure that is made, in inches; (9, 6) unless
            given. Words and lines shrink with its root.
        dpi: dots per inch of that figure; 150 unless given.
        title: a line above the picture.
        sensory_names: a label for each sensory neuron. Where there is no room for all,
            the most influential ones are labelled.
        motor_names: a label for each motor neuron, likewise.

    Returns:
        The matplotlib figure, for those who want to go on drawing.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: `wiring` is neither a wiring nor masks nor effects, or an option is
            of another type than here.
        ValueError: the layers do not fit each other or hold NaN or infinity, there are
            more or fewer names than neurons, or an option is outside its range.
    """
    layers = wiring.masks if isinstance(wiring, Connectome) else wiring
    if not isinstance(layers, LayerMasks | LayerEffects):
        raise TypeError(
            "`wiring` must be a Wiring, a Connectome, LayerMasks or LayerEffects; got "
            f"{type(wiring).__name__}. Of a network, pass `network.effects`."
        )
    effects = arrays_of(layers)
    weighted = isinstance(layers, LayerEffects)
    motors = effects["motor"].shape[1]
    check_names("sensory_names", sensory_names, len(effects["inter"]))
    check_names("motor_names", motor_names, motors)
    motor = motor_of(highlight, motor_names, motors)
    selection = select(
        effects,
        weighted=weighted,
        top=top_of(top),
        highlight=motor,
        highlighted=called(motor, motor_names),
    )
    axes, page = _axes(ax, size, dpi)
    plan = sketch(effects, selection, weighted=weighted, page=page)
    paint(axes, plan)
    write(
        axes,
        plan,
        title=title,
        sensory_names=sensory_names,
        motor_names=motor_names,
    )
    figure: Figure = axes.figure.figure  # of a subfigure, the whole
    if path is not None:
        figure.savefig(path, facecolor="white")
    return figure


def _axes(
    ax: Any, size: tuple[float, float] | None, dpi: float | None
) -> tuple[Axes, Page]:
    """Returns the axes to draw into, and the room that they have."""
    if ax is None:
        width, height = size_of_figure(size)
        figure = matplotlib("figure").Figure(
            figsize=(width, height), dpi=dpi_of_figure(dpi), layout="tight"
        )
        return figure.add_subplot(), Page(72 * width, 72 * height)
    if not isinstance(ax, matplotlib("axes").Axes):
        raise TypeError(
            f"`ax` must be axes of matplotlib; got {type(ax).__name__}. Pass one of "
            "what `plt.subplots()` returns."
        )
    for name, given in (("size", size), ("dpi", dpi)):
        if given is not None:
            raise ValueError(
                f"`{name}` is of a figure that is made, and `ax` is in one that there "
                f"is; got {name}={given!r}. Set it where that figure is made."
            )
    box = ax.get_window_extent()
    points = 72 / ax.figure.figure.dpi
    return ax, Page(points * box.width, points * box.height)
