"""The page of examples/web in a real browser: agents there do as they do in Python."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from velora.onnx import OnnxAgent, export
from velora.sb3 import MemoryPPO

WEB = Path(__file__).parents[2] / "examples" / "web"
NPM = shutil.which("npm")
STEPS = 300
SMALL: dict[str, Any] = {"n_steps": 64, "batch_size": 64, "seed": 0}


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: Any) -> None:
        """Keeps what it was asked for to itself."""


@pytest.fixture(scope="module")
def folder(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as docs/deploy.md makes it, but that its agents have hardly learned."""
    if NPM is None:
        pytest.skip(
            "no npm here, which brings onnxruntime-web: apt-get install npm brings it"
        )
    asked = [NPM, "view", "onnxruntime-web", "name", "--fetch-retries=1"]
    if subprocess.run(asked, capture_output=True).returncode != 0:
        pytest.skip("npm reaches no registry from here that has onnxruntime-web")
    there: Path = tmp_path_factory.mktemp("site") / "web"
    shutil.copytree(WEB, there, ignore=shutil.ignore_patterns("node_modules", "*.onnx"))
    run(NPM, "install", "--no-audit", "--no-fund", cwd=there)
    run(sys.executable, "train.py", "--steps", "256", cwd=there)
    return there


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder meanwhile, at the address that it gives."""
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as there:
        yield there


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The browser with the page, and after it with an empty console."""
    theme(browser, "light")
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(address)
    browser.set_script_timeout(300)
    yield browser
    assert browser.get_log("browser") == []
    browser.get("about:blank")


def theme(browser: Any, name: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": name}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def play(browser: Any, code: str, *given: Any) -> Any:
    """Runs the body of an asynchronous function of `given`; returns what it returns."""
    script = (
        "const done = arguments[arguments.length - 1];"
        f"(async (...given) => {{{code}}})(...arguments)"
        ".then((value) => done({ value }), (error) => done({ error: String(error) }));"
    )
    got = browser.execute_async_script(script, *given)
    assert "error" not in got, got["error"]
    return got["value"]


ACT = """
const [file, observations, starts, masks] = given;
const { Agent } = await import("/agent.js");
const agent = await Agent.load(file);
const actions = [], states = [];
for (const [i, observation] of observations.entries()) {
  if (starts[i]) agent.reset();
  actions.push(await agent.act(observation, masks?.[i]));
  states.push(Object.values(agent.state).map((part) => [...part.data]));
}
return { actions, states };
"""


def assert_same(
    browser: Any, path: Path, observations: list[Any], masks: np.ndarray | None = None
) -> np.ndarray:
    """Compares actions, and states after each step; returns the actions."""
    starts = np.random.default_rng(1).random(len(observations)) < 0.05
    agent, actions, states = OnnxAgent(path), [], []
    for step, observation in enumerate(observations):
        agent.reset(bool(starts[step]))
        given = () if masks is None else (masks[step],)
        actions.append(agent.act(observation, *given))
        states.append([part.ravel().tolist() for part in agent.state or ()])
    said = masks if masks is None else masks.tolist()
    plain = json.loads(json.dumps(observations, default=lambda part: part.tolist()))
    found = play(browser, ACT, path.name, plain, starts.tolist(), said)
    for here, there in zip(states, found["states"], strict=True):
        assert len(here) == len(there)
        for part, other in zip(here, there, strict=True):
            np.testing.assert_allclose(other, part, rtol=1e-5, atol=1e-5)
    got: np.ndarray = np.array(found["actions"])
    if np.issubdtype(actions[0].dtype, np.integer):
        np.testing.assert_array_equal(got, actions)
    else:
        np.testing.assert_allclose(got, actions, rtol=1e-5, atol=1e-5)
    return got


@pytest.mark.parametrize(("name", "size"), [("policy.onnx", 4), ("memory.onnx", 2)])
def test_agents_of_the_page_act_as_in_python(
    name: str, size: int, opened: Any, folder: Path
) -> None:
    seen = np.random.default_rng(0).normal(size=(STEPS, size)).astype(np.float32)
    actions = assert_same(opened, folder / name, list(seen))
    assert set(actions) == {0, 1}
    assert bool(OnnxAgent(folder / name).description.states) == (size == 2)


class Hidden(gym.Env[Any, Any]):
    """Parts of an observation, irregular time, and an action that is invalid."""

    observation_space = spaces.Dict(
        seen=spaces.Box(-3, 3, (2,), np.float32),
        which=spaces.Discrete(3),
        dt=spaces.Box(0, 2, (1,), np.float32),
    )
    action_space = spaces.Discrete(3)

    def reset(self, **options: Any) -> Any:
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        return self.observation_space.sample(), 0.0, False, False, {}

    def action_masks(self) -> np.ndarray:
        return np.array([True, True, False])


def test_dicts_times_and_masks_go_as_well(opened: Any, folder: Path) -> None:
    options = {"timespan_key": "dt", "n_neurons": 16}
    model = MemoryPPO("LiquidPolicy", Hidden(), policy_kwargs=options, **SMALL)
    export(model.learn(64), folder / "hidden.onnx")
    Hidden.observation_space.seed(0)
    seen = [Hidden.observation_space.sample() for _ in range(STEPS)]
    masks = np.random.default_rng(2).random((STEPS, 3)) < 0.5
    masks[~masks.any(axis=1), 0] = True
    actions = assert_same(opened, folder / "hidden.onnx", seen, masks)
    assert set(actions) == {0, 1, 2}


def test_continuous_actions_and_two_states_go_as_well(
    opened: Any, folder: Path
) -> None:
    model = MemoryPPO("LSTMPolicy", "Pendulum-v1", **SMALL).learn(64)
    export(model, folder / "pendulum.onnx")
    seen = np.random.default_rng(0).normal(size=(STEPS, 3)).astype(np.float32)
    actions = assert_same(opened, folder / "pendulum.onnx", list(seen))
    assert actions.shape == (STEPS, 1)
    assert actions.std() > 0


@pytest.mark.parametrize("wrong", [[0.1], [0.1, 0.2, 0.3], [0.1, None], None])
def test_what_is_no_observation_is_refused(wrong: Any, opened: Any) -> None:
    code = """
    const { Agent } = await import("/agent.js");
    const agent = await Agent.load("memory.onnx");
    return agent.act(...given).then(String, String);
    """
    said = play(opened, code, *([] if wrong is None else [wrong]))
    assert said.startswith('TypeError: "observation" must be 2 numbers; got ')


def test_physics_are_those_of_gymnasium(opened: Any) -> None:
    env: Any = gym.make("CartPole-v1").unwrapped
    random = np.random.default_rng(0)
    starts, actions, states, fallen, ended = [], [], [], [], True
    for _ in range(500):
        if ended:
            env.reset(seed=len(actions))
        starts.append(env.state.tolist() if ended else None)
        balancing = env.state[2] + 0.5 * env.state[3] > 0
        actions.append(int(balancing if random.random() < 0.8 else not balancing))
        _, _, ended, _, _ = env.step(actions[-1])
        states.append(np.asarray(env.state).tolist())
        fallen.append(bool(ended))
        ended = ended or random.random() < 0.01
    code = """
    const [starts, actions] = given;
    const { hasFallen, start, step } = await import("/cartpole.js");
    let state;
    const go = (action, i) => (state = step(starts[i] ?? state, action));
    const states = actions.map(go);
    return [states, states.map(hasFallen), Array.from({ length: 100 }, start)];
    """
    found, ends, first = play(opened, code, starts, actions)
    np.testing.assert_allclose(found, states, rtol=0, atol=1e-6)
    assert ends == fallen
    assert 0 < sum(fallen) < 50
    assert 0.04 < np.abs(first).max() <= 0.05


def test_page_runs_both_agents_and_asks_nobody_else(opened: Any, address: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    def number(name: str) -> int:
        return int(opened.find_element("id", name).text)

    wait = WebDriverWait(opened, 120)
    wait.until(lambda _: number("steps") > 0)
    cells = "return document.querySelectorAll('#memory i').length"
    assert opened.execute_script(cells) == 0
    opened.find_element("css selector", "button[value='memory.onnx']").click()
    wait.until(lambda _: opened.execute_script(cells) > 0)
    pressed = opened.find_elements("css selector", "button[aria-pressed=true]")
    assert [button.get_attribute("value") for button in pressed] == ["memory.onnx"]
    ActionChains(opened).send_keys(Keys.ARROW_RIGHT).perform()
    opened.find_element("id", "scene").click()
    wait.until(lambda _: number("most") > 0)
    assert opened.find_element("id", "pace").text.endswith(" ms")
    messages = [json.loads(entry["message"]) for entry in opened.get_log("performance")]
    asked = [
        message["message"]["params"]["request"]["url"]
        for message in messages
        if message["message"]["method"] == "Network.requestWillBeSent"
    ]
    assert any(url.endswith(".wasm") for url in asked)
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)


def test_page_is_light_and_dark_and_fits_a_phone(opened: Any) -> None:
    color = "return getComputedStyle(document.body).backgroundColor"
    light = opened.execute_script(color)
    theme(opened, "dark")
    assert opened.execute_script(color) != light
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    wide = opened.execute_script("return document.documentElement.scrollWidth")
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide == 360


@pytest.mark.parametrize(
    ("missing", "brings"), [("node_modules", "npm install"), ("*.onnx", "train.py")]
)
def test_page_says_what_is_missing(
    missing: str, brings: str, browser: Any, folder: Path, tmp_path: Path
) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    there = tmp_path / "web"
    shutil.copytree(folder, there, ignore=shutil.ignore_patterns(missing))
    with served(there) as address:
        browser.get(address)
        said = browser.find_element("id", "said")
        WebDriverWait(browser, 60).until(lambda _: said.text != "Loading …")
        assert "is missing" in said.text
        assert brings in said.text
        browser.get("about:blank")
