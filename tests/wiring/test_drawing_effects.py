"""Effects on one page: what matters is wide, what does not is hidden."""

import itertools
import re

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from velora.wiring import LayerEffects, Wiring, draw
from velora.wiring.influence import arrays_of, influence_of, size_of, strengths_of

MOTORS = ["left", "right"]
BLUE, VERMILION = "#0072b2", "#d55e00"


def layers(figure):
    """Returns the lines of the inter, command and motor layers."""
    found = figure.axes[0].collections
    return [item for item in found if isinstance(item, LineCollection)]


def counts(figure):
    return [len(layer.get_segments()) for layer in layers(figure)]


def neurons(figure):
    """Returns (x, y, area) of all neurons."""
    found = figure.axes[0].collections
    return np.concatenate(
        [
            np.column_stack((item.get_offsets(), item.get_sizes()))
            for item in found
            if isinstance(item, PathCollection)
        ]
    )


def column(figure, kind):
    """Returns (neurons, 3) of x, y and area of one kind, by index."""
    kinds = ("sensory", "inter", "command", "motor")
    found = figure.axes[0].collections
    item = [c for c in found if isinstance(c, PathCollection)][kinds.index(kind)]
    return np.column_stack((item.get_offsets(), item.get_sizes()))


def caption(figure):
    return " ".join(figure.axes[0].texts[-1].get_text().split())


def arcs(figure):
    return [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]


def drawn_synapses(figure, layer):
    """Returns the (from, to) indices of the lines of a layer, with their widths."""
    kinds = ("sensory", "inter", "command", "motor")
    lines = layers(figure)[layer]
    places = [column(figure, kind)[:, :2] for kind in kinds[layer : layer + 2]]
    found = {}
    for segment, width in zip(
        lines.get_segments(), lines.get_linewidths(), strict=True
    ):
        ends = [
            int(np.abs(place - end).sum(axis=1).argmin())
            for place, end in zip(places, segment, strict=True)
        ]
        found[tuple(ends)] = width
    return found


def test_a_few_synapses_are_all_drawn(effects):
    figure = draw(effects)
    there = [effects.inter, effects.command, effects.motor]
    assert counts(figure) == [int(torch.count_nonzero(layer)) for layer in there]
    assert "of" not in caption(figure).split("A line")[0]


def test_widths_follow_effects(effects):
    figure = draw(effects)
    arrays = arrays_of(effects)
    strengths = strengths_of(arrays, influence_of(arrays))
    for layer, name in enumerate(("inter", "command", "motor")):
        widths = drawn_synapses(figure, layer)
        expected = {ends: strengths[name][ends] for ends in widths}
        assert len(widths) == np.count_nonzero(arrays[name])
        strongest_first = sorted(expected, key=expected.get, reverse=True)
        in_order = [widths[ends] for ends in strongest_first]
        assert in_order == sorted(in_order, reverse=True)
        assert in_order[0] > 3 * in_order[-1]


def test_stronger_lines_lie_above_weaker_ones(effects):
    for layer in layers(draw(effects)):
        widths = layer.get_linewidths()
        assert widths == sorted(widths)


def test_neurons_are_as_large_as_their_influence(effects):
    figure = draw(effects)
    influence = influence_of(arrays_of(effects))
    for kind in ("sensory", "inter", "command", "motor"):
        order = np.argsort(size_of(influence[kind]), kind="stable")
        areas = column(figure, kind)[:, 2]
        assert (np.diff(areas[order]) >= -1e-9).all()
        assert kind == "motor" or areas.max() > areas.min()


def test_neurons_do_not_touch_each_other(effects_of):
    figure = draw(effects_of(4, 90, 2), size=(9, 6))
    figure.canvas.draw()
    axes = figure.axes[0]
    for kind in ("inter", "command"):
        found = column(figure, kind)
        found = found[np.argsort(found[:, 1])]
        points = axes.transData.transform(found[:, :2])[:, 1] * 72 / figure.dpi
        radii = found[:, 2] ** 0.5 / 2
        assert (np.diff(points) > 0.9 * (radii[1:] + radii[:-1])).all()


def test_weak_synapses_are_hidden_and_the_caption_says_so(effects_of):
    effects = effects_of(4, 64, 2)
    figure = draw(effects)
    there = [
        int(torch.count_nonzero(layer))
        for layer in (effects.inter, effects.command, effects.motor)
    ]
    assert counts(figure) == [min(80, count) for count in there]
    said = f"{sum(counts(figure)):,} of {sum(there):,} synapses"
    assert f"The strongest of each layer: {said}." in caption(figure)


@pytest.mark.parametrize("top", [1, 7, np.int64(7), 100_000])
def test_top_draws_so_many_synapses_of_each_layer(effects, top):
    there = [
        int(torch.count_nonzero(layer))
        for layer in (effects.inter, effects.command, effects.motor)
    ]
    assert counts(draw(effects, top=top)) == [min(top, count) for count in there]


@pytest.mark.parametrize("top", [0.25, 0.01, 1.0, np.float32(0.5)])
def test_top_draws_a_share_of_each_layer(effects, top):
    there = [
        int(torch.count_nonzero(layer))
        for layer in (effects.inter, effects.command, effects.motor)
    ]
    expected = [int(np.ceil(float(top) * count)) for count in there]
    assert counts(draw(effects, top=top)) == expected


def test_top_draws_the_strongest(effects):
    arrays = arrays_of(effects)
    strengths = strengths_of(arrays, influence_of(arrays))
    for layer, name in enumerate(("inter", "command", "motor")):
        drawn = drawn_synapses(draw(effects, top=5), layer)
        strongest = np.sort(strengths[name].ravel())[-5:]
        assert sorted(strengths[name][ends] for ends in drawn) == strongest.tolist()


def test_top_is_of_a_wiring_too():
    wiring = Wiring(4, 20, 2, seed=1)
    figure = draw(wiring, top=6)
    assert counts(figure) == [6, 6, 6]
    widths = np.concatenate([layer.get_linewidths() for layer in layers(figure)])
    assert len(set(widths)) == 1  # signs alone weigh the same
    assert len(draw(wiring, top=6).axes[0].patches) == len(draw(wiring).axes[0].patches)


def test_many_neurons_show_the_strongest_paths_to_each_motor_neuron(many):
    figure = draw(many)
    shown = sum(counts(figure))
    there = sum(
        int(torch.count_nonzero(layer))
        for layer in (many.inter, many.command, many.motor)
    )
    assert shown < 150 < 50_000 < there
    said = re.search(
        r"The 24 strongest paths to each .*: ([\d,]+) of ([\d,]+)", caption(figure)
    )
    assert [int(n.replace(",", "")) for n in said.groups()] == [shown, there]
    reached = {target for _, target in drawn_synapses(figure, 2)}
    assert reached == {0, 1}


def test_paths_begin_and_end_where_others_do(many):
    figure = draw(many)
    into = [{end for _, end in drawn_synapses(figure, layer)} for layer in range(3)]
    out_of = [
        {start for start, _ in drawn_synapses(figure, layer)} for layer in range(3)
    ]
    assert into[0] == out_of[1]
    assert into[1] == out_of[2]


def test_many_motor_neurons_have_fewer_paths_each(effects_of):
    figure = draw(effects_of(30, 200, 20))
    assert "The 6 strongest paths to each motor neuron" in caption(figure)
    assert sum(counts(figure)) < 3 * 6 * 20
    assert {target for _, target in drawn_synapses(figure, 2)} == set(range(20))


def test_neurons_without_lines_are_dots(many):
    figure = draw(many)
    joined = {start for start, _ in drawn_synapses(figure, 1)}
    areas = column(figure, "inter")[:, 2]
    alone = np.array([i not in joined for i in range(len(areas))])
    assert areas[alone].max() < areas[~alone].min() / 3


def test_recurrence_of_effects_is_a_few_arcs_below_the_lines(effects_of):
    figure = draw(effects_of(4, 64, 2, recurrent=True))
    patches = figure.axes[0].patches
    assert len(patches) == 12
    assert not any(isinstance(patch, FancyBboxPatch) for patch in patches)
    assert "12 of 625 recurrent synapses" in caption(figure)
    lowest_line = min(layer.get_zorder() for layer in layers(figure))
    assert all(patch.get_zorder() < lowest_line for patch in patches)
    assert {to_hex(arc.get_edgecolor()) for arc in arcs(figure)} == {BLUE, VERMILION}


def test_recurrence_joins_neurons_that_have_lines(many):
    figure = draw(many)
    heights = column(figure, "command")[:, 1]
    joined = {start for start, _ in drawn_synapses(figure, 2)}
    for arc in arcs(figure):
        for _, y in arc._posA_posB:
            assert int(np.abs(heights - y).argmin()) in joined


def test_band_of_masks_lies_below_the_lines():
    wiring = Wiring(4, 20, 2, seed=1)
    wiring.masks.recurrent.fill_(1)
    figure = draw(wiring)
    (band,) = figure.axes[0].patches
    assert isinstance(band, FancyBboxPatch)
    assert band.get_zorder() < min(layer.get_zorder() for layer in layers(figure))


@pytest.mark.parametrize(("highlight", "index"), [("right", 1), (1, 1), (0, 0)])
def test_highlight_lights_paths_to_one_motor_neuron(effects, highlight, index):
    figure = draw(effects, highlight=highlight, motor_names=MOTORS)
    assert f"strongest paths to {MOTORS[index]}." in caption(figure)
    lines = layers(figure)[2]
    opacity = lines.get_colors()[:, 3]
    drawn = list(drawn_synapses(figure, 2))
    lit = [target for (_, target), a in zip(drawn, opacity, strict=True) if a > 0.3]
    assert set(lit) == {index}
    assert len(lit) < len(drawn)
    assert sum(counts(figure)) == sum(counts(draw(effects)))


def test_highlighted_paths_are_drawn_whatever_the_top(effects):
    figure = draw(effects, top=1, highlight=0)
    assert "24 strongest paths to motor neuron 0." in caption(figure)
    assert min(counts(figure)) > 1


def test_labels_are_thinned_to_those_that_fit(effects_of):
    effects = effects_of(376, 64, 2)
    names = [f"sensor {i}" for i in range(376)]
    figure = draw(effects, sensory_names=names, motor_names=MOTORS)
    labels = [t for t in figure.axes[0].texts if t.get_text() in names]
    figure.canvas.draw()
    boxes = sorted((t.get_window_extent().y0, t.get_window_extent().y1) for t in labels)
    assert 10 < len(labels) < 40
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(boxes))
    areas = column(figure, "sensory")[:, 2]
    assert names[int(areas.argmax())] in {t.get_text() for t in labels}
    assert {"left", "right"} <= {t.get_text() for t in figure.axes[0].texts}


def test_the_effects_are_left_as_they_were(effects):
    before = LayerEffects(*(layer.clone() for _, layer in effects.items()))
    draw(effects, top=3, highlight=0)
    assert effects == before


def test_effects_of_zero_draw_no_lines():
    zeros = LayerEffects(torch.zeros(2, 3), torch.zeros(3, 2), torch.zeros(2, 1))
    figure = draw(zeros, highlight=0)
    assert counts(figure) == [0, 0, 0]
    assert len(neurons(figure)) == 8


def test_default_device_has_no_say(effects):
    with torch.device("meta"):
        assert sum(counts(draw(effects, highlight=0))) > 0
