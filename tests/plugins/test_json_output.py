"""`velora plugins --json` prints one JSON document, whatever plugins write where."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from velora.cli.group import velora as command

# How a plugin writes "NOISE" past `sys.stdout`, when it is loaded or later.
WRITING = {
    "print": "print('NOISE')",
    "descriptor": "import os; os.write(1, b'NOISE\\n')",
    "original": "import sys; print('NOISE', file=sys.__stdout__)",
    "unflushed": "import sys; sys.__stdout__.write('NOISE')",
    "buffer": "import sys; sys.__stdout__.buffer.write(b'NOISE')",
    "own stream": "stream = open(1, 'w', closefd=False); stream.write('NOISE')",
    "subprocess": "import subprocess, sys\n"
    "subprocess.run([sys.executable, '-c', 'print(\"NOISE\")'], check=True)",
    "shell": "import os; os.system('echo NOISE')",
    "library": "import ctypes; ctypes.CDLL(None).puts(b'NOISE')",
    "unflushed library": "import ctypes; ctypes.CDLL(None).printf(b'NOISE')",
    "exit": "import atexit, os; atexit.register(os.write, 1, b'NOISE\\n')",
    "print at exit": "import atexit; atexit.register(print, 'NOISE')",
    "thread": "import threading, os, time\n"
    "def work():\n    for _ in range(50): os.write(1, b'NOISE\\n'); time.sleep(.01)\n"
    "threading.Thread(target=work).start()",
    "end of an object": "import os\nclass Last:\n"
    "    def __del__(self, write=os.write): write(1, b'NOISE\\n')\nlast = Last()",
    "child left behind": "import subprocess, sys\n"
    "subprocess.Popen([sys.executable, '-c', "
    "'import time; time.sleep(.3); print(\"NOISE\", flush=True)'])",
}
# What a plugin does to the streams that it shares with the command.
REPLACING = {
    "none": "import sys; sys.stdout = sys.stderr = None",
    "another": "import io, sys; sys.stdout = sys.stderr = io.StringIO()",
    "an object": "import sys; sys.stdout = sys.stderr = object()",
    "raises": "import sys\nclass Raises:\n    def __getattr__(self, name): 1 / 0\n"
    "sys.stdout = sys.stderr = Raises()",
    "exits": "import sys\nclass Exits:\n    def flush(self): sys.exit(3)\n"
    "    def write(self, text): sys.exit(3)\nsys.stdout = sys.stderr = Exits()",
    "deleted": "import sys; del sys.stdout, sys.stderr",
    "closed": "import sys; sys.stdout.close(); sys.stderr.close()",
    "original closed": "import sys; sys.__stdout__.close(); sys.__stderr__.close()",
    "descriptors closed": "import os; os.close(1); os.close(2)",
    "to a file": "import os\nos.dup2(os.open('noise', os.O_CREAT | os.O_WRONLY), 1)",
    "hooks": "import sys\nsys.excepthook = sys.displayhook = sys.unraisablehook = None",
}
skip_without_libc = pytest.mark.skipif(
    sys.platform == "win32", reason="there is no CDLL(None)"
)


@pytest.mark.parametrize("strict", ["", "1"])
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, marks=skip_without_libc if "library" in way else ())
        for way in WRITING
    ],
)
def test_noise_goes_to_stderr(site: Any, way: str, strict: str) -> None:
    site.add("loud", WRITING[way])
    site.add("fails", WRITING[way] + "\nraise ValueError('after all')")
    done = site.velora("plugins", "--json", strict=strict)
    assert done.returncode == 1
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["loud"]["status"] == "active"
    assert rows["fails"]["error"] == "ValueError: after all"
    assert "NOISE" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("way", WRITING)
def test_list_in_words_is_printed_after_the_noise(site: Any, way: str) -> None:
    if sys.platform == "win32" and "library" in way:
        pytest.skip("there is no CDLL(None)")
    site.add("loud", WRITING[way])
    done = site.velora("plugins")
    assert done.returncode == 0
    assert "loud of loud 1.0 is active\n" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["plugins", "--json"], ["plugins"], ["--help"]], ids=" ".join
)
@pytest.mark.parametrize("way", REPLACING)
def test_streams_that_a_plugin_replaces_are_put_back(
    site: Any, way: str, arguments: list[str]
) -> None:
    site.add("aaa", REPLACING[way])
    site.add("fails", "raise ValueError('after all')")
    site.network("zzz-good", "last")
    done = site.velora(*arguments)
    assert done.returncode == (0 if arguments == ["--help"] else 1)
    assert "Traceback" not in done.stderr
    if arguments == ["--help"]:
        assert done.stdout.startswith("Usage: ")
        assert "1 plugin is broken" in done.stderr
    elif "--json" in arguments:
        rows = {row["name"]: row["status"] for row in json.loads(done.stdout)}
        assert (rows["aaa"], rows["zzz_good"]) == ("active", "active")
    else:
        assert "zzz_good of zzz-good 1.0 is active" in done.stdout


@pytest.mark.parametrize("way", REPLACING)
def test_check_prints_where_a_plugin_replaces_the_streams(site: Any, way: str) -> None:
    site.add("acme", REPLACING[way])
    done = site.velora("plugins", "check", "acme")
    assert done.returncode == 1
    assert "acme is not right" in done.stdout


@pytest.mark.parametrize("way", ["print", "descriptor", "subprocess"])
def test_command_without_a_stream_of_the_system_works(alone: Any, way: str) -> None:
    alone.add("loud", WRITING[way])
    done = CliRunner().invoke(command, ["plugins", "--json"])
    assert done.exit_code == 0
    (row,) = json.loads(done.stdout.removeprefix("NOISE\n"))  # which click 8.1 mixes in
    assert row["name"] == "loud"


def test_command_inside_a_program_leaves_it_its_streams(site: Any) -> None:
    site.add("loud", WRITING["descriptor"])
    done = site.python(
        "-c",
        """if True:
        import os, sys
        from velora.cli.group import velora
        before = sys.stdout, sys.stderr
        for arguments in (["plugins", "--json"], ["plugins"], ["--help"]):
            print("before")
            velora.main(arguments, standalone_mode=False)
            assert (sys.stdout, sys.stderr) == before
            print("after", flush=True)
            os.write(1, b"and past Python\\n")
        """,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "NOISE\n"
    lines = done.stdout.splitlines()
    assert [lines.count(line) for line in ("before", "after")] == [3, 3]
    assert lines.count("and past Python") == 3
    start = lines.index("before") + 1
    assert json.loads("\n".join(lines[start : lines.index("after")]))


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a shell of POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("option", ["--json", ""])
def test_process_without_a_stream_works(site: Any, option: str, closed: str) -> None:
    site.network("acme", "first")
    site.add("loud", WRITING["print"] + "\n" + WRITING["descriptor"])
    done = site.python(
        "-c",
        """if True:
        import subprocess, sys
        run = "from velora.cli import main; main()"
        shell = f'"{sys.executable}" -c "{run}" plugins ' + " ".join(sys.argv[1:])
        sys.exit(subprocess.run(shell, shell=True).returncode)
        """,
        option,
        closed,
    )
    assert "Traceback" not in done.stderr
    if ">&-" not in closed.split():
        assert done.returncode == 0
        assert "first" in done.stdout
        assert option == "" or json.loads(done.stdout)
