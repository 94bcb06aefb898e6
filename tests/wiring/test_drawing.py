"""A wiring on one page."""

import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from velora.wiring import LayerMasks, Wiring, draw

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def wiring():
    return Wiring(4, 20, 3, seed=1)


def lines(figure):
    """Counts the feed-forward lines and lists their colours."""
    found = [
        item for item in figure.axes[0].collections if isinstance(item, LineCollection)
    ]
    colors = [to_hex(color) for item in found for color in item.get_colors()]
    return sum(len(item.get_segments()) for item in found), colors


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def patches(figure, kind):
    return [item for item in figure.axes[0].patches if isinstance(item, kind)]


def synapses(masks):
    return sum(
        int(torch.count_nonzero(mask))
        for mask in (masks.inter, masks.command, masks.motor)
    )


def with_recurrence(wiring, recurrent):
    masks = wiring.masks
    return LayerMasks(masks.inter, masks.command, masks.motor, recurrent)


def test_draw_writes_a_picture(wiring, tmp_path):
    path = tmp_path / "wiring.png"
    draw(wiring, path, title="a wiring")
    assert path.read_bytes().startswith(PNG)
    pixels = imread(path)
    assert pixels.shape[0] > 400
    assert pixels.shape[1] > 600
    assert 0.005 < (pixels[..., :3] < 0.9).any(axis=-1).mean() < 0.5


def test_draw_takes_the_format_from_the_ending(wiring, tmp_path):
    draw(wiring, str(tmp_path / "wiring.svg"))
    assert "<svg" in (tmp_path / "wiring.svg").read_text()


def test_draw_returns_a_figure_and_writes_nothing_unasked(
    wiring, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert isinstance(draw(wiring), Figure)
    assert list(tmp_path.iterdir()) == []


def test_draw_leaves_the_wiring_as_it_was(wiring):
    draw(wiring)
    assert wiring == Wiring(4, 20, 3, seed=1)


@pytest.mark.parametrize("sizes", [(1, 2, 1), (4, 20, 3), (30, 90, 40)])
def test_every_synapse_is_one_line(sizes):
    wiring = Wiring(*sizes, seed=0)
    count, colors = lines(draw(wiring))
    assert count == synapses(wiring.masks)
    assert len(colors) == count


def test_lines_start_and_end_where_neurons_are(wiring):
    axes = draw(wiring).axes[0]
    neurons = {
        tuple(place.round(4))
        for item in axes.collections
        if not isinstance(item, LineCollection)
        for place in item.get_offsets().data.astype(float)
    }
    assert len(neurons) == 4 + 20 + 3
    ends = {
        tuple(place.round(4))
        for item in axes.collections
        if isinstance(item, LineCollection)
        for segment in item.get_segments()
        for place in segment.astype(float)
    }
    assert ends == neurons  # no neuron is lonely


def test_each_polarity_has_its_colour(wiring):
    _, colors = lines(draw(wiring))
    signs = torch.cat([m[m != 0] for m in (wiring.masks.inter, wiring.masks.command)])
    signs = torch.cat((signs, wiring.masks.motor[wiring.masks.motor != 0]))
    by_frequency = sorted(colors.count(color) for color in set(colors))
    assert by_frequency == sorted([int((signs > 0).sum()), int((signs < 0).sum())])


def test_one_polarity_has_one_colour(wiring):
    masks = LayerMasks(
        wiring.masks.inter.abs(), wiring.masks.command.abs(), wiring.masks.motor.abs()
    )
    _, exciting = lines(draw(masks))
    assert len(set(exciting)) == 1
    _, inhibiting = lines(
        draw(LayerMasks(-masks.inter, -masks.command, -masks.motor, None))
    )
    assert len(set(inhibiting)) == 1
    assert set(exciting) != set(inhibiting)


def test_sparse_recurrence_is_drawn_as_arcs(wiring):
    recurrent = torch.zeros(8, 8, dtype=torch.int32)
    recurrent[0, 3], recurrent[5, 2], recurrent[4, 4] = 1, -1, 1
    bare = draw(with_recurrence(wiring, None))
    figure = draw(with_recurrence(wiring, recurrent))
    drawn = len(figure.axes[0].patches) - len(bare.axes[0].patches)
    assert drawn == 3
    arcs = patches(figure, FancyArrowPatch)
    assert len(arcs) == 2
    assert len({to_hex(arc.get_edgecolor()) for arc in arcs}) == 2
    assert patches(figure, FancyBboxPatch) == []
    assert not any("dense" in label for label in legend(figure))


def test_every_recurrent_synapse_of_a_wiring_is_drawn(wiring):
    bare = draw(with_recurrence(wiring, None))
    drawn = len(draw(wiring).axes[0].patches) - len(bare.axes[0].patches)
    assert drawn == wiring.n_connections.command


def test_dense_recurrence_is_drawn_as_a_band(wiring):
    figure = draw(with_recurrence(wiring, torch.ones(8, 8, dtype=torch.int32)))
    assert len(patches(figure, FancyBboxPatch)) == 1
    assert patches(figure, FancyArrowPatch) == []
    assert any("dense" in label for label in legend(figure))


def test_legend_names_the_band_only_where_one_is_drawn():
    # A single command neuron that reaches itself is a loop, not a band.
    figure = draw(Wiring(2, 2, 1, seed=0))
    named = any("dense" in label for label in legend(figure))
    assert named == bool(patches(figure, FancyBboxPatch))


def test_no_recurrence_draws_none(wiring):
    figure = draw(with_recurrence(wiring, None))
    assert patches(figure, FancyBboxPatch) == []
    assert patches(figure, FancyArrowPatch) == []
    assert {"excitatory", "inhibitory"} <= set(legend(figure))


def test_layers_and_their_sizes_are_written(wiring):
    found = texts(draw(wiring))
    assert {"sensory", "inter", "command", "motor", "4", "12", "8", "3"} <= set(found)


def test_title_and_names_are_written(wiring):
    figure = draw(
        wiring,
        title="Pendulum",
        sensory_names=["cos", "sin", "speed", "a very long name of a sensor"],
        motor_names=("left", "right", "brake"),
    )
    assert figure.axes[0].get_title() == "Pendulum"
    names = {"cos", "sin", "speed", "a very long name of a sensor"}
    assert names | {"left", "right", "brake"} <= set(texts(figure))


@pytest.mark.parametrize("argument", ["sensory_names", "motor_names"])
@pytest.mark.parametrize("names", [[], ["a"], ["a"] * 5])
def test_wrong_number_of_names_is_refused(wiring, argument, names):
    with pytest.raises(ValueError, match=argument) as error:
        draw(wiring, **{argument: names})
    assert str(len(names)) in str(error.value)


def test_default_device_has_no_say(wiring):
    with torch.device("meta"):
        count, _ = lines(draw(wiring))
    assert count == synapses(wiring.masks)


def test_what_is_no_wiring_is_refused_with_a_hint():
    with pytest.raises(TypeError, match=r"got object\. Of a network, pass `network\."):
        draw(object())
