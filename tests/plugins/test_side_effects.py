"""What a plugin changes while it is loaded does not change what becomes of others."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import velora.plugins
from velora.plugins import PluginError, networks, plugins

FAILS = "raise ValueError('after all')"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes back what the plugins of these tests do to the process."""
    environ, filters, show = dict(os.environ), warnings.filters, warnings.showwarning
    streams = sys.stdout, sys.stderr
    yield
    sys.stdout, sys.stderr = streams
    warnings.filters, warnings.showwarning = filters, show  # type: ignore[assignment]  # as were
    os.environ.clear()
    os.environ.update(environ)


@pytest.mark.parametrize(
    "source",
    [
        "import warnings; warnings.simplefilter('error')",
        "import warnings; warnings.simplefilter('ignore')",
        "import warnings; warnings.filters.clear()",
        "import warnings; warnings.resetwarnings(); warnings.simplefilter('error')",
        "import os; os.environ['VELORA_STRICT_PLUGINS'] = '1'",
        "import os; os.environ['VELORA_DISABLE_PLUGINS'] = 'zzz_good'",
        "import os; os.environ.clear()",
    ],
)
def test_program_decides_what_becomes_of_a_broken_plugin(
    site: Any, source: str
) -> None:
    site.add("aaa", source)
    site.add("fails", FAILS)
    site.network("zzz-good", "last")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="'fails' of fails .*after all") as caught:
        statuses = [info.status for info in host.plugins()]
    assert len(caught) == 1
    assert statuses == ["active", "broken", "active"]


def test_filters_of_a_plugin_are_left_to_the_program(site: Any) -> None:
    site.add("aaa", "import warnings; warnings.filterwarnings('ignore', 'of aaa')")
    site.add("fails", FAILS)
    host = site.host()

    def load_and_warn() -> None:
        host.plugins()
        warnings.warn("of aaa", stacklevel=1)

    with pytest.warns(RuntimeWarning, match="'fails' of fails") as caught:
        load_and_warn()
    assert len(caught) == 1


def test_program_that_makes_errors_of_warnings_is_obeyed(site: Any) -> None:
    site.add("aaa", "import warnings; warnings.simplefilter('ignore')")
    site.add("fails", FAILS)
    host = site.host()
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RuntimeWarning, match="'fails' of fails"):
                host.plugins()


@pytest.mark.parametrize(
    "source",
    [
        "import sys; sys.stderr = sys.stdout = None",
        "import sys; sys.stderr = sys.stdout = object()",
        "import sys; sys.stderr.close()",
        "import sys; del sys.stderr, sys.stdout",
        "import warnings; warnings.showwarning = None",
        "import warnings\ndef show(*_, **__): raise SystemExit(3)\n"
        "warnings.showwarning = show",
        "import sys; sys.excepthook = None",
    ],
)
def test_report_that_cannot_be_shown_ends_nothing(site: Any, source: str) -> None:
    site.add("aaa", source)
    site.add("fails", FAILS)
    site.network("zzz-good", "last")
    done = site.python(
        "-c",
        """if True:
        import os
        from velora.plugins import networks, plugins
        statuses = " ".join(info.status for info in plugins()[-3:])
        os.write(1, f"{statuses} {list(networks())}".encode())
        """,
    )
    assert done.stdout == "active broken active ['last']", done.stderr


KEEPS = """
import threading
from velora.plugins import hookimpl

errors, kept, stray = [], [], threading.Event()

def add(name):
    try:
        kept[0].add(name, dict)
    except BaseException as error:
        errors.append(error)

@hookimpl
def velora_register_networks(registry):
    kept.append(registry)
    registry.add("mine", dict)
    thread = threading.Thread(target=add, args=["joined"])
    thread.start()
    thread.join()
    def later():
        stray.wait()
        add("stray")
    threads.append(threading.Thread(target=later))
    threads[-1].start()

threads = []
"""


def test_thread_adds_nothing_while_plugins_are_loaded(alone: Any) -> None:
    alone.add("aaa-keeps", KEEPS)
    alone.add(
        "bbb-next",
        """
        import aaa_keeps
        from velora.plugins import hookimpl

        @hookimpl
        def velora_register_networks(registry):
            aaa_keeps.stray.set()
            aaa_keeps.threads[0].join()
            registry.add("next", dict)
        """,
    )
    infos = plugins()
    assert [info.provides for info in infos] == [("network mine",), ("network next",)]
    errors = sys.modules["aaa_keeps"].errors
    assert [type(error) for error in errors] == [PluginError, PluginError]
    assert "A network must be added in the thread that loads plugins" in str(errors[0])


def test_pool_of_threads_breaks_its_plugin_with_the_reason(alone: Any) -> None:
    alone.add(
        "pool",
        """
        from concurrent.futures import ThreadPoolExecutor
        from velora.plugins import hookimpl

        @hookimpl
        def velora_register_networks(registry):
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda name: registry.add(name, dict), "ab"))
        """,
    )
    with pytest.warns(
        RuntimeWarning, match="'pool' of pool .*Add it in the hook itself"
    ):
        assert list(networks()) == []


def test_registry_that_is_kept_adds_for_the_running_program(alone: Any) -> None:
    alone.add("keeps", KEEPS.replace("stray.wait()", "return"))
    alone.network("other", "first")
    assert list(networks()) == ["mine", "first"]
    keeps = sys.modules["keeps"]
    assert keeps.kept[0] is networks()
    thread = threading.Thread(target=keeps.add, args=["late"])
    thread.start()
    thread.join()
    assert networks()["late"].distribution is None
    assert {info.provides for info in plugins()} == {
        ("network mine",),
        ("network first",),
    }
    keeps.add("first")
    assert "by other and by the running program" in str(keeps.errors[-1])


def test_registry_kept_from_a_load_that_was_interrupted_is_of_no_use(
    alone: Any,
) -> None:
    alone.add("aaa", KEEPS.replace("stray.wait()", "return"))
    alone.add(
        "stops", "import os\nif 'CALM' not in os.environ: raise KeyboardInterrupt"
    )
    with pytest.raises(KeyboardInterrupt):
        plugins()
    keeps = sys.modules["aaa"]
    keeps.add("lost")
    os.environ["CALM"] = "1"
    assert list(networks()) == ["mine"]
    assert keeps.kept[0] is not networks()
    assert keeps.kept[1] is velora.plugins.networks()


def test_recursion_of_a_plugin_leaves_the_host_room(site: Any) -> None:
    site.add("deep", "def deeper(): deeper()\ndeeper()")
    site.network("zzz-good", "last")
    host = site.host()
    with pytest.warns(RuntimeWarning, match="RecursionError: maximum recursion depth"):
        assert list(host.registry("networks")) == ["last"]
