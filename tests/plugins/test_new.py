"""`velora plugin new` makes a package whose own tests pass as it is."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from velora.plugins.testing import check_plugin

FILES = {
    ".gitignore",
    "README.md",
    "pyproject.toml",
    "src/zeta_brain/__init__.py",
    "tests/test_plugin.py",
}


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


@pytest.fixture
def made(site: Any) -> Path:
    """The folder of a new package in a site."""
    done = site.velora("plugin", "new", "zeta-brain")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pip install -e '.[test]'" in done.stdout
    folder: Path = site.root / "zeta-brain"
    return folder


def assert_is_right(made: Path, site: Any) -> None:
    """Runs the tests of an installed package, and asks Velora what it thinks of it."""
    done = site.python("-m", "pytest", "-p", "no:cacheprovider", str(made))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    done = site.velora("plugins")
    assert done.returncode == 0
    assert "    network: zeta-brain-gru\n" in done.stdout
    done = site.velora("plugins", "check", "zeta-brain")
    assert done.returncode == 0
    assert "zeta_brain is right." in done.stdout


def test_new_package_has_its_files_and_no_blank_left(made: Path) -> None:
    assert files(made) == FILES
    for name in FILES:
        text = (made / name).read_text("utf-8")
        assert text.endswith("\n")
        assert "$" not in text
        assert max(map(len, text.splitlines())) <= 88


def test_long_name_stays_within_the_lines(site: Any) -> None:
    name = "acme-velora-with-a-name-of-forty-letters"
    assert site.velora("plugin", "new", name).returncode == 0
    for file in (site.root / name).rglob("*.*"):
        if file.is_file():
            assert max(map(len, file.read_text("utf-8").splitlines())) <= 88, file


def test_tests_of_the_new_package_pass_and_it_is_an_active_plugin(
    made: Path, site: Any
) -> None:
    # As an installation would leave it, which needs no builder.
    (made / "src" / "zeta_brain").rename(site.root / "zeta_brain")
    project = (made / "pyproject.toml").read_text("utf-8")
    assert '[project.entry-points.velora]\n"zeta-brain" = "zeta_brain"\n' in project
    site.add("zeta-brain", entry_points={"zeta-brain": "zeta_brain"})
    assert_is_right(made, site)


@pytest.mark.skipif(
    find_spec("hatchling") is None, reason="this environment is without hatchling"
)
def test_new_package_installs_and_is_an_active_plugin(made: Path, site: Any) -> None:
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    options = ["--disable-pip-version-check", "--target", str(site.root)]
    done = site.python(*pip, *options, str(made))
    assert done.returncode == 0, done.stdout + done.stderr
    assert_is_right(made, site)


def test_new_network_is_right_for_all_that_is_installed(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(made / "src")
    result = check_plugin("zeta_brain")
    assert result.checked + result.unchecked == ("network zeta-brain-gru",)


def test_new_network_starts_anew_where_it_is_reset(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(made / "src")
    network = importlib.import_module("zeta_brain").GRUNetwork(3, 2, n_neurons=5)
    x, state = torch.randn(4, 2, 3), torch.randn(2, 5)
    resets = torch.zeros(4, 2, dtype=torch.bool)
    resets[2, 1] = True
    y, last = network.forward_sequence(x, state, resets=resets)
    first, middle = network.forward_sequence(x[:2], state)
    middle = middle * torch.tensor([[1.0], [0.0]])
    second, after = network.forward_sequence(x[2:], middle)
    torch.testing.assert_close(y, torch.cat((first, second)))
    torch.testing.assert_close(last, after)
    plain, _ = network.forward_sequence(x, state)
    assert not torch.allclose(y[2:, 1], plain[2:, 1])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("acme velora", "must consist of ASCII letters"),
        ("-acme", "No such option"),
        ("_acme", "start and end with a letter or digit"),
        ("acme-", "start and end with a letter or digit"),
        ("../acme", "must consist of ASCII letters"),
        ("acmé", "must consist of ASCII letters"),
        ("", "must consist of ASCII letters"),
        ("3d", "imported as '3d', which Python cannot import"),
        ("lambda", "imported as 'lambda', which Python cannot import"),
        ("velora", "'velora' is a name of Velora's own"),
        ("Velora_LNN", "'Velora_LNN' is a name of Velora's own"),
        ("JSON", "imported as 'json', and another module is"),
        ("torch", "imported as 'torch', and another module is"),
    ],
)
def test_bad_name_is_refused_before_anything_is_written(
    site: Any, name: str, words: str
) -> None:
    done = site.velora("plugin", "new", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())
    assert not list(site.root.iterdir())


@pytest.mark.parametrize(
    ("name", "module"),
    [("acme", "acme"), ("Acme.Nets-2", "acme_nets_2"), ("velora-acme", "velora_acme")],
)
def test_name_gives_the_module(site: Any, name: str, module: str) -> None:
    assert site.velora("plugin", "new", name).returncode == 0
    assert f"src/{module}/__init__.py" in files(site.root / name)
    sys_path = f"import sys; sys.path.insert(0, {str(site.root / name / 'src')!r});"
    done = site.python(
        "-c",
        f"{sys_path} from velora.plugins.testing import check_plugin;"
        f"print(check_plugin('{module}').unchecked)",
    )
    assert done.stdout == f"('network {name}-gru',)\n", done.stderr


def test_path_is_the_folder_that_it_is_made_in(site: Any) -> None:
    folder = site.root / "some" / "where"
    done = site.velora("plugin", "new", "zeta-brain", "--path", str(folder))
    assert done.returncode == 0
    assert files(folder / "zeta-brain") == FILES


def test_empty_folder_is_filled(site: Any) -> None:
    (site.root / "zeta-brain").mkdir()
    assert site.velora("plugin", "new", "zeta-brain").returncode == 0
    assert files(site.root / "zeta-brain") == FILES


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_there_is_not_overwritten(site: Any, kind: str) -> None:
    there = site.root / "zeta-brain"
    if kind == "folder":
        there.mkdir()
        (there / "README.md").write_text("mine")
    else:
        there.write_text("mine")
    before = files(site.root)
    done = site.velora("plugin", "new", "zeta-brain")
    assert (done.returncode, done.stdout) == (1, "")
    assert "zeta-brain must be new or an empty folder" in done.stderr
    assert files(site.root) == before


def test_folder_that_cannot_be_made_is_an_error_without_traceback(site: Any) -> None:
    (site.root / "file").write_text("")
    folder = str(site.root / "file" / "folder")
    done = site.velora("plugin", "new", "zeta-brain", "--path", folder)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
