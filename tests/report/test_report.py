"""The report: what it says, how large it is, and that it is whole or not there."""

from __future__ import annotations

import re
from base64 import b64decode
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import RandomEnv, make_agent, make_env
from painted import Blind, Painted, data_of, register, words_of
from PIL import Image
from recurrent_agents import make_model
from traced import KINDS, assert_untouched, content, kind

from velora.report import (
    Lesions,
    influence,
    lesions,
    rank_correlation,
    report,
    trace,
)


def of_another() -> Lesions:
    """Returns lesions of a larger network."""
    return Lesions(0, np.zeros(1), ("inter 99",), ((("inter", 99),),), np.ones((1, 1)))


def test_report_shows_the_first_episode_and_scores_all(tmp_path: Path) -> None:
    model, path = make_agent(), tmp_path / "report.html"
    env = Painted(actions="box", render_mode="rgb_array")
    before = content(model.policy)
    done = report(model, env, path, n_episodes=3, seed=5)
    assert_untouched(model.policy, before)
    seen = trace(model, env, n_episodes=3, seed=5)
    np.testing.assert_allclose(done.returns, seen.returns, rtol=1e-6)
    assert (done.n_bytes, done.notes) == (path.stat().st_size, ())

    data = data_of(path)
    assert data["steps"] == len(data["film"]) == len(data["said"]) == 10
    assert (data["stride"], data["fps"]) == (1, 20)
    layers = {layer["name"]: layer for layer in data["layers"]}
    assert list(layers) == ["sensory", "inter", "command", "motor"]
    rows = len(data["names"])
    packed = np.frombuffer(b64decode(data["activity"]), "<i2").reshape(10, rows)
    shown = packed / 32767 * np.array(data["largest"])
    first = {name: array[:10] for name, array in seen.neurons.items()}
    whole = np.concatenate(list(first.values()), axis=1)
    np.testing.assert_allclose(shown, whole, rtol=2e-3, atol=1e-3)
    assert sorted(data["order"]) == list(range(rows))
    bright = [
        np.asarray(Image.open(BytesIO(b64decode(p)))).mean() for p in data["film"]
    ]
    np.testing.assert_allclose(bright, 20 * np.arange(10, 0, -1), atol=3)


def test_report_says_what_the_agent_is_and_scored(tmp_path: Path) -> None:
    model, path = make_agent(), tmp_path / "report.html"
    done = report(model, make_env(actions="box"), path, n_episodes=2, seed=5)
    words = words_of(path)
    for said in (
        "PPO with NCPPolicy in RandomEnv",
        "NCPNetwork",
        "6 sensory, 8 inter, 4 command, 3 motor",
        "(from seed 5 on)",
        f"{done.returns.mean():.3g}".replace("-", "−"),
        "There is no film. The environment renders None",
    ):
        assert said in words
    (note,) = done.notes
    assert "rgb_array" in note


def test_lesions_are_those_that_are_measured(tmp_path: Path) -> None:
    model, path = make_agent(), tmp_path / "report.html"
    env = make_env(actions="box")
    report(model, env, path, n_episodes=2, seed=1)
    found = lesions(model, env, n_episodes=2, seed=1)
    text = path.read_text("utf-8")
    table = text[text.index("<h2>Lesions</h2>") : text.index("<h2>Time constants")]
    assert table.count('class="axis"') == len(found.names)
    assert table.count('class="reach"') == len(found.names)
    names = re.findall(r'<th scope="row">(.*?)</th>', table)
    order = np.argsort(-np.abs(found.differences), kind="stable")
    expected = [found.names[index].replace("sensory", "sensor") for index in order]
    assert names == expected
    assert f"{len(names)} without which nothing changes" in table  # rewards are chance


@pytest.mark.parametrize("algorithm", ["PPO", "SAC"])
def test_known_lesions_are_shown_with_what_influence_tells(
    algorithm: str, tmp_path: Path
) -> None:
    class Paid(RandomEnv):
        def step(self, action: Any) -> Any:
            seen, _, *rest = super().step(action)
            return (seen, float(action.sum()), *rest)

    model, env = make_agent(algorithm), Paid("flat", "box")
    found = lesions(model, env, n_episodes=2, seed=1)
    pages = []
    for given in (found, True):
        path = tmp_path / f"{given is True}.html"
        report(model, env, path, n_episodes=2, seed=1, lesions=given)
        pages.append(path.read_bytes())
    assert pages[0] == pages[1]
    said = influence(model, trace(model, env, seed=1))
    n_actions = model.action_space.shape[0]  # SAC has log deviations, too
    expected = rank_correlation(said, found, motors=range(n_actions))
    (shown,) = re.findall(r"both in size is ([−.\d]+)\.", words_of(path))
    assert float(shown.replace("−", "-")) == pytest.approx(expected, abs=0.006)
    n_idle = int((found.returns == found.intact).all(axis=1).sum())
    folded = f"{n_idle} without which nothing changes" in words_of(path)
    assert folded is (n_idle > 0)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (1, "predicts these lesions: the rank correlation of both in size is 1.00"),
        (-1, "does not predict these lesions: the rank"),
        (0, "has nothing to predict here: all lesions do the same"),
    ],
)
def test_page_says_whether_influence_predicts(
    order: int, said: str, tmp_path: Path
) -> None:
    model, env, path = make_agent(), make_env(actions="box"), tmp_path / "a.html"
    sizes = influence(model, trace(model, env, seed=0)).magnitudes["inter"].sum(axis=1)
    groups = tuple((("inter", index),) for index in range(len(sizes)))
    names = tuple(f"inter {index}" for index in range(len(sizes)))
    returns = (10 + order * sizes)[:, None]
    known = Lesions(0, np.zeros(1), names, groups, returns)
    report(model, env, path, n_episodes=1, lesions=known)
    assert said in words_of(path)


def test_one_episode_has_lesions_without_intervals(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report(make_agent(), make_env(actions="box"), path, n_episodes=1)
    text = path.read_text("utf-8")
    assert 'class="axis"' in text
    assert 'class="reach"' not in text
    assert "One episode has no interval" in text


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_report(name: str, tmp_path: Path) -> None:
    model, path = kind(name), tmp_path / "report.html"
    report(model, model.get_env(), path, n_episodes=1, lesions=False)
    data, words = data_of(path), words_of(path)
    assert len(data["why"]) == data["steps"]
    liquid = name in ("window", "liquid", "gated-leaky")
    assert ("median time constant" in words) is liquid
    assert ("has no gates" in words) is not liquid
    remembers = "what command neurons remember" in data["why"][0][0]["sum"]
    assert remembers is liquid


@pytest.mark.usefixtures("toy_networks")
def test_network_without_neurons_shows_states_and_motors(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    model = make_model(policy_kwargs={"network": "test-pair"})
    done = report(model, model.get_env(), path, n_episodes=2)
    data = data_of(path)
    assert [layer["name"] for layer in data["layers"]] == ["state", "motor"]
    assert data["why"] is None
    assert any("shows no inter and command neurons" in note for note in done.notes)
    assert "<path" not in path.read_text("utf-8")
    assert path.read_text("utf-8").count("<circle") == len(data["names"])


def test_same_inputs_give_the_same_file(tmp_path: Path) -> None:
    files = []
    for name in ("a.html", "b.html"):
        env = Painted(actions="box", render_mode="rgb_array")
        report(make_agent(), env, tmp_path / name, n_episodes=2)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    other = Painted(actions="box", render_mode="rgb_array")
    report(make_agent(), other, tmp_path / "c.html", n_episodes=2, seed=1)
    assert (tmp_path / "c.html").read_bytes() != files[0]


def test_names_of_yours_are_text_and_nothing_else(tmp_path: Path) -> None:
    path, evil = tmp_path / "report.html", '</script><script>alert("&")</script>'
    names = [evil, *"bcdef"]
    model = make_agent("PPO", actions="discrete")
    report(
        model,
        make_env(actions="discrete"),
        path,
        n_episodes=2,
        sensory_names=names,
        motor_names=["stay", "go", "<b>jump</b>", "turn"],
    )
    text = path.read_text("utf-8")
    assert "<script>alert" not in text
    assert "<b>" not in text
    assert evil in data_of(path)["names"]
    assert text.count("<script") == text.count("</script>") == 2
    said = {words.split(";")[0] for words in data_of(path)["said"]}
    assert said <= {f"chooses {name}" for name in ("stay", "go", "<b>jump</b>", "turn")}


def test_page_asks_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report(make_agent(), make_env(actions="box"), path, n_episodes=2)
    text = path.read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"""(src|href)=["']""", text.replace("default-src '", ""))
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|eval\(", text)


def test_noisy_film_of_500_steps_is_below_ten_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    env = Painted(actions="box", render_mode="rgb_array", steps=500, noisy=True)
    done = report(make_agent(), env, path, n_episodes=1, lesions=False)
    assert 2e6 < done.n_bytes < 10e6
    data = data_of(path)
    assert len(data["film"]) == -(-500 // data["stride"])
    assert "scaled to" in words_of(path)


def test_film_is_made_to_fit_what_you_say(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    env = Painted(actions="box", render_mode="rgb_array", steps=100, noisy=True)
    options: dict[str, Any] = {"n_episodes": 1, "lesions": False}
    assert report(make_agent(), env, path, **options).n_bytes > 400_000
    done = report(make_agent(), env, path, max_bytes=300_000, **options)
    assert 150_000 < done.n_bytes <= 300_000
    done = report(make_agent(), env, path, max_bytes=1_000, **options)
    assert f"The file has {done.n_bytes} bytes, more than 1000:" in done.notes[-1]


def test_lesions_of_a_smaller_network_are_refused(tmp_path: Path) -> None:
    small, model = make_agent(), make_agent(policy_kwargs={"n_neurons": 20})
    found = lesions(small, small.get_env(), n_episodes=1, seed=0)
    env = make_env(actions="box")
    with pytest.raises(ValueError, match="must be of one model; got networks with"):
        report(model, env, tmp_path / "a.html", n_episodes=1, lesions=found)
    assert list(tmp_path.iterdir()) == []


def test_long_episode_is_cut_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    env = Painted(actions="box", steps=1200)
    done = report(make_agent(), env, path, n_episodes=1, lesions=False)
    assert data_of(path)["steps"] == 1000
    assert "It ends after the first 1,000 of 1,200." in words_of(path)
    assert len(done.returns) == 1


@pytest.mark.parametrize(
    ("env", "why"),
    [
        (Blind, "renders None"),
        ("Blind-v0", "renders None"),
        (partial(Painted, actions="discrete"), "renders None"),
    ],
)
def test_environment_without_pictures_goes_on(
    env: Any, why: str, tmp_path: Path
) -> None:
    register()
    model = make_agent(actions="discrete")
    done = report(model, env, tmp_path / "a.html", n_episodes=1, lesions=False)
    assert why in done.notes[0]
    assert data_of(tmp_path / "a.html")["film"] is None


def test_environment_that_fails_to_render_goes_on(tmp_path: Path) -> None:
    class Broken(Painted):
        def render(self) -> Any:
            raise RuntimeError("no screen")

    env = Broken(render_mode="rgb_array")
    model = make_agent(actions="discrete")
    done = report(model, env, tmp_path / "a.html", n_episodes=1, lesions=False)
    assert "RuntimeError: no screen" in done.notes[0]


def test_name_is_made_so_that_it_renders(tmp_path: Path) -> None:
    register()
    model, path = make_agent(actions="discrete"), tmp_path / "a.html"
    report(model, "Painted-v0", path, n_episodes=1, lesions=False)
    assert len(data_of(path)["film"]) == 10
    done = report(model, "Painted-v0", path, n_episodes=1, lesions=False, frames=False)
    assert data_of(path)["film"] is None
    assert "None were wanted" in done.notes[0]


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"env": make_env("discrete", "box")}, ValueError, "observation space"),
        ({"n_episodes": 0}, ValueError, "at least 1"),
        ({"seed": -1}, ValueError, "not be negative"),
        ({"jobs": 2}, ValueError, "2 jobs"),
        ({"max_bytes": 0}, ValueError, "`max_bytes` must be at least 1"),
        ({"lesions": of_another()}, ValueError, "must be of one model"),
        ({"env": 3}, TypeError, "`env` must be"),
        ({"sensory_names": ["a"]}, ValueError, "each of the 6 sensory"),
        ({"motor_names": "abc"}, TypeError, "list of strings"),
        ({"model": object()}, TypeError, "got"),
    ],
)
def test_bad_input_leaves_what_was_there(
    changed: dict[str, Any], error: type[Exception], match: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text("before")
    options: dict[str, Any] = {"model": make_agent(), "env": make_env(actions="box")}
    options |= {"n_episodes": 1} | changed
    with pytest.raises(error, match=match):
        report(options.pop("model"), options.pop("env"), path, **options)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_q_network_is_reported_on_without_a_head_alone(tmp_path: Path) -> None:
    from replay_agents import make_dqn

    model, path = make_dqn(), tmp_path / "report.html"
    with pytest.raises(TypeError, match=r"after them. Train it with policy_kwargs"):
        report(model, model.get_env(), path)
    model = make_dqn(policy_kwargs={"head": ()})
    done = report(model, model.get_env(), path, n_episodes=2, seed=3)
    assert done.returns.shape == (2,)
    assert "action 3" in data_of(path)["names"]


@pytest.mark.parametrize("place", ["", "missing/report.html"])
def test_path_that_cannot_be_written_is_refused_before_anything(
    place: str, tmp_path: Path
) -> None:
    class Untouchable(Painted):
        def reset(self, **options: Any) -> Any:
            raise AssertionError("it was played")

    with pytest.raises(OSError, match="`path` must"):
        report(make_agent(), Untouchable(actions="box"), tmp_path / place)
    assert not list(tmp_path.iterdir())
