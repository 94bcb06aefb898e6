"""The example of the page about plugins does what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")


def test_entry_of_the_page_is_imported_when_it_is_used(site: Any) -> None:
    section = PAGE.partition("## Import it when it is used\n")[2]
    (code, *_) = re.findall(r"^```python\n(.*?)^```", section, re.S | re.M)
    assert site.velora("plugin", "new", "acme-velora").returncode == 0
    made = site.root / "acme-velora" / "src" / "acme_velora"
    made.rename(site.root / "acme_velora")
    lines = code.splitlines()
    (use,) = [n for n, line in enumerate(lines) if ".build(" in line]
    lines.insert(use, "import sys; assert 'acme_velora' not in sys.modules")
    done = site.python("-c", "\n".join([*lines, "print(type(network))"]))
    assert done.returncode == 0, done.stderr
    shown, kind = done.stdout.splitlines()
    assert "build='acme_velora:GRUNetwork'" in shown
    assert kind == "<class 'acme_velora.GRUNetwork'>"
