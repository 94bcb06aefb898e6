"""What comes with `import velora.wiring`, and what does not."""

import subprocess
import sys


def python(*lines):
    """Runs lines in an interpreter of their own and returns what they print."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_no_simulator_no_agents_no_drawing():
    loaded = python(
        "import sys, velora.wiring",
        "heavy = ('stable_baselines3', 'sb3_contrib', 'gymnasium', 'matplotlib',",
        "         'networkx', 'click')",
        "print([name for name in heavy if name in sys.modules])",
    )
    assert loaded == "[]"


def test_wiring_works_where_nothing_but_torch_is_installed():
    assert python(
        "import sys",
        "for name in ('stable_baselines3', 'sb3_contrib', 'gymnasium', 'matplotlib'):",
        "    sys.modules[name] = None",
        "from velora.wiring import Wiring",
        "wiring = Wiring(3, 10, 1, seed=0)",
        "print(Wiring.from_dict(wiring.to_dict()) == wiring)",
    ) == str(True)


def test_velora_is_a_namespace_that_no_package_owns():
    assert python("import velora, velora.wiring", "print(velora.__file__)") == "None"


def test_public_names_are_there():
    names = python("import velora.wiring", "print(sorted(velora.wiring.__all__))")
    types = ["Connectome", "LayerEffects", "LayerMasks", "NeuronCounts"]
    types += ["SynapseCounts", "Unlayered", "Wiring"]
    assert names == str([*types, "dense", "draw", "graph", "random", "small_world"])


def test_drawing_without_matplotlib_names_the_extra():
    message = python(
        "import sys",
        "sys.modules['matplotlib'] = None",
        "from velora.wiring import Wiring, draw",
        "try:",
        "    draw(Wiring(3, 10, 1))",
        "except ImportError as error:",
        "    print(error)",
    )
    assert "matplotlib" in message
    assert "velora-wiring[draw]" in message
