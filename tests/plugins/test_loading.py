"""Plugins are loaded at the first question, once, whoever asks and whatever happens."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

import velora.plugins
from velora.plugins import PluginError
from velora.plugins.host import PluginHost

COUNTED = """
from pathlib import Path
from velora.plugins import hookimpl

with Path(__file__).with_name("imports").open("a") as file:
    file.write("x")

@hookimpl
def velora_register_networks(registry):
    registry.add("counted", dict)
"""


def imports(site: Any) -> int:
    file = site.root / "imports"
    return len(file.read_text()) if file.exists() else 0


def test_host_loads_at_the_first_question_and_once(site: Any) -> None:
    site.add("counted", COUNTED)
    host = site.host()
    assert "counted" not in sys.modules
    assert list(host.registry("networks")) == ["counted"]
    host.registry("networks").add("mine", dict)
    first = host.plugins()
    del sys.modules["counted"]  # so that a second import would be counted
    assert host.plugins() == first
    assert list(host.registry("networks")) == ["counted", "mine"]
    assert imports(site) == 1


def test_list_of_plugins_is_the_callers_own(site: Any) -> None:
    site.network("acme", "first")
    host = site.host()
    host.plugins().clear()
    assert len(host.plugins()) == 1


def test_plugins_are_ordered_by_distribution_and_name(site: Any) -> None:
    site.add("zeta", "x = y = object()", entry_points={"b": "zeta:x"})
    site.add("acme", "class X: ...\nclass Y: ...", entry_points={"c": "acme:X"})
    infos = site.host().plugins()
    assert [(info.distribution, info.name) for info in infos] == [
        ("acme", "c"),
        ("zeta", "b"),
    ]


def test_plugins_of_velora_are_loaded_before_all_others(site: Any) -> None:
    names = ["velora-lnn", "Velora_Sb3", "velora-wiring", "velora-core"]
    for name in ["zeta", "acme", "velora-acme", *names]:
        site.network(name, name)
    assert [info.distribution for info in site.host().plugins()] == [
        "velora-core",
        "velora-wiring",
        "velora-lnn",
        "Velora_Sb3",
        "acme",
        "velora-acme",
        "zeta",
    ]


def test_plugin_that_asks_while_loading_is_refused_and_others_go_on(site: Any) -> None:
    site.network("aaa-good", "first")
    site.add("nosy", "from velora.plugins import networks\nnetworks()")
    site.network("zzz-good", "last")
    done = site.python(
        "-c",
        """if True:
        from velora.plugins import networks, plugins
        assert {"first", "last"} <= set(networks())
        (nosy,) = [info for info in plugins() if info.name == "nosy"]
        print(nosy.status, nosy.error)
        """,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("broken PluginError: A plugin must not ask")


def test_hook_that_asks_while_loading_is_refused(site: Any) -> None:
    site.add(
        "nosy",
        """
        from velora.plugins import hookimpl, plugins

        @hookimpl
        def velora_register_networks(registry):
            registry.add("before", dict)
            plugins()
        """,
    )
    done = site.python(
        "-W",
        "ignore",
        "-c",
        "import velora.plugins as v; print('before' in v.networks())",
    )
    assert done.stdout == "False\n", done.stderr
    done = site.velora("--help", strict="1")
    assert done.returncode == 1
    assert "A plugin must not ask for plugins or registries" in done.stderr


def test_first_questions_from_several_threads_load_once(site: Any) -> None:
    site.add("counted", COUNTED)
    asking = threading.Barrier(8)
    answers: list[Any] = []
    found: list[int] = []

    def find() -> Any:
        found.append(threading.get_ident())
        return site.find()

    host = PluginHost(find)

    def ask() -> None:
        asking.wait()
        try:
            answers.append((list(host.registry("networks")), len(host.plugins())))
        except PluginError as error:
            answers.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(["counted"], 1)] * 8
    assert len(found) == 1
    assert imports(site) == 1


def test_question_from_another_thread_waits_for_the_load(site: Any) -> None:
    site.network("acme", "first")
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(list(host.registry("networks")))
        except PluginError as error:
            answers.append(error)

    other = threading.Thread(target=ask)

    def find() -> Any:
        other.start()
        other.join(timeout=0.1)  # where nothing makes it wait, it answers now
        answers.append("loading")
        return site.find()

    host = PluginHost(find)
    host.plugins()
    other.join()
    assert answers == ["loading", ["first"]]


ALL_KINDS = """
from velora.plugins import hookimpl

@hookimpl
def velora_register_wirings(registry):
    registry.add("w", dict)

@hookimpl
def velora_register_networks(registry):
    registry.add("n", dict)

@hookimpl
def velora_register_policies(registry):
    registry.add("p", dict)

@hookimpl
def velora_register_extractors(registry):
    registry.add("e", dict)
"""


def test_threads_that_ask_different_registries_at_once_get_full_ones(
    site: Any,
) -> None:
    site.add("acme", ALL_KINDS)
    site.network("zzz", "last")
    loading, release = threading.Event(), threading.Event()

    def find() -> Any:
        loading.set()
        release.wait()
        return site.find()

    host = PluginHost(find)
    wanted = {"wirings": ["w"], "networks": ["n", "last"]}
    wanted |= {"policies": ["p"], "extractors": ["e"], "commands": []}
    answers: dict[str, list[str]] = {}

    def ask(name: str) -> None:
        answers[name] = list(host.registry(name))

    threads = [threading.Thread(target=ask, args=[name]) for name in wanted]
    for thread in threads:
        thread.start()
    loading.wait()
    for thread in threads:
        thread.join(timeout=0.05)  # where nothing makes it wait, it answers now
    assert answers == {}
    release.set()
    for thread in threads:
        thread.join()
    assert answers == wanted


JOINS = """
import threading
import velora.plugins
from velora.plugins import hookimpl

answers = []

def ask():
    try:
        answers.append(list(velora.plugins.networks()))
    except velora.plugins.PluginError as error:
        answers.append(str(error))

def ask_in_a_thread():
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join()
ask_in_a_thread()

@hookimpl
def velora_register_networks(registry):
    registry.add("mine", dict)
"""


def test_thread_that_a_plugin_starts_and_leaves_alone_waits(alone: Any) -> None:
    source = JOINS.replace("    thread.join()\n", "    threads.append(thread)\n")
    source = source.replace("answers = []", "answers, threads = [], []")
    alone.add("starts", source)
    alone.network("zzz", "last")
    assert list(velora.plugins.networks()) == ["mine", "last"]
    (thread,) = sys.modules["starts"].threads
    thread.join()
    assert sys.modules["starts"].answers == [["mine", "last"]]


def test_thread_that_a_plugin_waits_for_a_while_waits_too(alone: Any) -> None:
    source = JOINS.replace("thread.join()", "thread.join(0.5)")
    alone.add("joins", source)
    assert list(velora.plugins.networks()) == ["mine"]
    answers = sys.modules["joins"].answers
    while not answers:  # the thread is about to answer
        threading.Event().wait(0.01)
    assert answers == [["mine"]]


def test_question_waits_while_a_plugin_waits_for_another_thread(alone: Any) -> None:
    alone.add(
        "joins",
        """
        import threading
        from velora.plugins import hookimpl

        thread = threading.Thread(target=threading.Event().wait, args=[0.5])
        thread.start()
        thread.join()

        @hookimpl
        def velora_register_networks(registry):
            registry.add("mine", dict)
        """,
    )
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(list(velora.plugins.networks()))
        except PluginError as error:
            answers.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [["mine"]] * 2


@pytest.mark.parametrize("where", ["import", "hook"])
def test_interrupt_propagates_and_a_later_question_loads_everything(
    site: Any, where: str
) -> None:
    stop = """
from pathlib import Path

def stop(at):
    if at == "{where}" and not Path(__file__).with_name("calm").exists():
        raise KeyboardInterrupt
"""
    (site.root / "stop.py").write_text(stop.replace("{where}", where))
    site.network("aaa-good", "first")
    site.add(
        "interrupted",
        """
        from stop import stop
        from velora.plugins import hookimpl
        stop("import")

        @hookimpl
        def velora_register_wirings(registry):
            registry.add("middle", dict)

        @hookimpl
        def velora_register_networks(registry):
            registry.add("middle", dict)
            stop("hook")
        """,
    )
    site.network("zzz-good", "last")
    host = site.host()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            host.plugins()
    (site.root / "calm").touch()
    assert list(host.registry("networks")) == ["first", "middle", "last"]
    assert list(host.registry("wirings")) == ["middle"]
    assert [info.status for info in host.plugins()] == ["active"] * 3
    assert len(host.manager().get_plugins()) == 3


def test_warning_turned_into_an_error_can_be_asked_again(site: Any) -> None:
    site.network("acme", "first")
    site.add("library", "import no_such_library")
    host = site.host()
    for _ in range(2):  # pytest turns warnings into errors
        with pytest.raises(RuntimeWarning, match="no_such_library"):
            host.registry("networks")
    with pytest.warns(RuntimeWarning, match="no_such_library"):
        assert list(host.registry("networks")) == ["first"]
    assert [info.status for info in host.plugins()] == ["active", "broken"]


def test_hook_under_a_name_of_its_own_is_called_once(site: Any) -> None:
    site.add(
        "acme-named",
        """
        from velora.plugins import hookimpl

        @hookimpl(specname="velora_register_networks")
        def acme(registry):
            registry.add("named", dict)
        """,
    )
    site.network("acme-other", "other")
    provides = {info.distribution: info.provides for info in site.host().plugins()}
    assert provides["acme-named"] == ("network named",)
    assert provides["acme-other"] == ("network other",)
