"""A real browser, and the reports that it opens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.wrappers import FrameStackObservation
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO, SAC

import velora.sb3  # noqa: F401  # makes the policies known to every algorithm
from velora.plugins import networks
from velora.report import report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
AGENTS = ["ppo", "sac-window", "recurrent-own", "recurrent-plugin"]
EVIL = "</script><script>window.evil = 1</script>"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a screen; what it logs and asks for is kept."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="selenium, which drives a browser, is missing"
    )
    if CHROMIUM is None or DRIVER is None:
        pytest.skip(
            "no chromium and chromedriver here: apt-get install chromium "
            "chromium-driver brings both"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1280,1000"):
        options.add_argument(argument)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    service = webdriver.ChromeService(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(scope="session", params=AGENTS)
def page(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Path:
    """The report of an agent that has learned for a moment."""
    path: Path = tmp_path_factory.mktemp("page") / f"{request.param}.html"
    small = {"n_steps": 128, "batch_size": 64, "n_epochs": 2, "seed": 0}
    options: dict[str, Any] = {"n_episodes": 2, "lesions": request.param == "ppo"}
    env: Any = "CartPole-v1"
    kwargs: dict[str, Any] = {"n_neurons": 16}
    if request.param == "ppo":
        model: Any = PPO("NCPPolicy", env, policy_kwargs=kwargs, **small)
        options["sensory_names"] = [EVIL, "velocity", "angle", "turning"]
    elif request.param == "sac-window":
        env = pendulum_window
        model = SAC("LiquidPolicy", env(), policy_kwargs=kwargs, seed=0)
    else:
        if request.param == "recurrent-plugin":
            if "ncps-ltc" not in networks():
                pytest.skip("the example plugin velora-ncps is not installed")
            kwargs["network"] = "ncps-ltc"
        else:
            kwargs["n_neurons"] = 150  # rows of the map are thinner than their labels
        model = RecurrentPPO("LiquidPolicy", env, policy_kwargs=kwargs, **small)
    report(model.learn(256), env, path, **options)
    return path


def pendulum_window() -> gym.Env[Any, Any]:
    """Makes a Pendulum whose last four observations are seen."""
    return FrameStackObservation(gym.make("Pendulum-v1", render_mode="rgb_array"), 4)
