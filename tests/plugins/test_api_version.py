"""A plugin says which version of the API it needs, and learns what to do."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest

from velora.plugins import API_VERSION, PluginError, plugins, require_api
from velora.plugins.testing import CheckError, check_plugin

NEEDS = f"PluginError: this plugin needs version {API_VERSION + 1} of the plugin API, "
FIX = "run: pip install --upgrade velora-core"


def test_version_that_is_there_is_enough() -> None:
    for needed in range(1, API_VERSION + 1):
        require_api(needed)


def test_version_that_is_missing_says_what_is_there_and_the_fix() -> None:
    with pytest.raises(PluginError) as caught:
        require_api(API_VERSION + 1)
    assert str(caught.value) == (
        f"this plugin needs version {API_VERSION + 1} of the plugin API, and "
        f"velora-core {version('velora-core')} offers version {API_VERSION}; {FIX}"
    )


@pytest.mark.parametrize("needed", ["1", 1.0, None, True])
def test_version_that_is_no_integer_is_refused(needed: Any) -> None:
    with pytest.raises(TypeError, match="`needed` must be an integer, such as 1; got"):
        require_api(needed)


@pytest.mark.parametrize("needed", [0, -1])
def test_version_below_the_first_is_refused(needed: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, the first; got {needed}"):
        require_api(needed)


NEWER = f"""
from velora.plugins import require_api
require_api({API_VERSION + 1})
from velora.plugins import velora_hook_of_tomorrow
"""


def test_host_reports_a_plugin_that_needs_more_with_that_cause(alone: Any) -> None:
    alone.add("acme", NEWER)
    alone.network("zzz", "last")
    with pytest.warns(RuntimeWarning, match="'acme' of acme .* pip install --upgrade"):
        broken, good = plugins()
    assert (broken.status, good.status) == ("broken", "active")
    assert str(broken.error).startswith(NEEDS)
    assert str(broken.error).endswith(FIX)
    done = alone.velora("plugins")
    assert FIX in " ".join(done.stdout.split())


def test_check_reports_a_plugin_that_needs_more_with_that_cause(alone: Any) -> None:
    (alone.root / "acme.py").write_text(NEWER)
    with pytest.raises(CheckError) as caught:
        check_plugin("acme")
    (failure,) = caught.value.failures
    assert failure.startswith(f"import: {NEEDS}")
    assert failure.endswith(FIX)
