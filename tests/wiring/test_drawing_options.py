"""What a picture is drawn into and written to, and which options are refused."""

import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from velora.wiring import draw

MOTORS = ["left", "right"]


def largest_neuron(figure):
    found = figure.axes[0].collections
    return max(c.get_sizes().max() for c in found if isinstance(c, PathCollection))


@pytest.mark.parametrize("highlight", ["up", "0", 2, -1])
def test_unknown_motor_neurons_are_refused(effects, highlight):
    with pytest.raises(ValueError, match="`highlight` must be") as error:
        draw(effects, highlight=highlight, motor_names=MOTORS)
    assert str(highlight) in str(error.value)


def test_a_name_needs_names(effects):
    with pytest.raises(ValueError, match="which are not given; got 'left'"):
        draw(effects, highlight="left")


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("top", 0, ValueError),
        ("top", -3, ValueError),
        ("top", 0.0, ValueError),
        ("top", 1.5, ValueError),
        ("top", float("nan"), ValueError),
        ("top", True, TypeError),
        ("top", "all", TypeError),
        ("highlight", 1.0, TypeError),
        ("highlight", True, TypeError),
        ("size", (9,), TypeError),
        ("size", 9, TypeError),
        ("size", (9, "x"), TypeError),
        ("size", (0, 6), ValueError),
        ("size", (9, float("inf")), ValueError),
        ("dpi", 0, ValueError),
        ("dpi", "150", TypeError),
        ("ax", object(), TypeError),
    ],
)
def test_other_options_are_refused_before_a_file_is_written(
    effects, tmp_path, option, value, error
):
    with pytest.raises(error, match=f"`{option}` must be"):
        draw(effects, tmp_path / "wiring.png", **{option: value})
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_refused(effects, tmp_path):
    effects.motor[0, 0] = float("nan")
    with pytest.raises(ValueError, match="motor layer must hold finite numbers"):
        draw(effects, tmp_path / "wiring.png")
    assert list(tmp_path.iterdir()) == []


def test_given_axes_are_drawn_into(effects, tmp_path):
    figure = Figure(figsize=(12, 5))
    left, right = figure.subplots(1, 2)
    assert draw(effects, ax=right, title="an actor") is figure
    assert right.get_title() == "an actor"
    assert sum(isinstance(c, LineCollection) for c in right.collections) == 3
    assert not left.collections
    assert draw(effects, tmp_path / "two.png", ax=left) is figure
    assert (tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")


def test_axes_of_a_subfigure_give_the_whole_figure(effects):
    figure = Figure(figsize=(12, 5))
    part = figure.subfigures(1, 2)[0]
    assert draw(effects, ax=part.subplots()) is figure


@pytest.mark.parametrize("option", [{"size": (4, 3)}, {"dpi": 100}])
def test_axes_have_the_size_of_their_figure(effects, option):
    (name,) = option
    with pytest.raises(ValueError, match=f"`{name}` is of a figure that is made"):
        draw(effects, ax=Figure().subplots(), **option)


def test_size_and_dpi_are_those_of_the_picture(effects):
    figure = draw(effects, size=(4, 3), dpi=200)
    assert figure.get_size_inches().tolist() == [4, 3]
    assert figure.dpi == 200
    small, large = (largest_neuron(f) for f in (figure, draw(effects)))
    assert small < large


@pytest.mark.parametrize(
    ("ending", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")]
)
def test_formats_are_those_of_the_ending(many, tmp_path, ending, begins):
    path = tmp_path / f"wiring.{ending}"
    draw(many, path)
    assert path.read_bytes().startswith(begins)


def test_an_unknown_format_is_refused(effects, tmp_path):
    with pytest.raises(ValueError, match="xyz"):
        draw(effects, tmp_path / "wiring.xyz")
    assert list(tmp_path.iterdir()) == []
