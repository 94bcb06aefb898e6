"""`velora plugin new`: the package that a plugin starts as."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

import click

from velora.plugins.distribution import OURS
from velora.plugins.version import __version__

_FILES = {  # what each template becomes
    "pyproject.toml.txt": "pyproject.toml",
    "plugin.py.txt": "src/{module}/__init__.py",
    "test_plugin.py.txt": "tests/test_plugin.py",
    "README.md.txt": "README.md",
    "gitignore.txt": ".gitignore",
}


@click.group("plugin")
def plugin_group() -> None:
    """Write a plugin of your own."""


@plugin_group.command("new")
@click.argument("name")
@click.option(
    "--path",
    "parent",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="The folder to make it in; the working directory by default.",
)
def new_command(name: str, parent: Path) -> None:
    """Make the package NAME, a plugin with one network.

    NAME is the name of its distribution, such as acme-velora.
    """
    module = _module(name)
    folder = parent / name
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise click.ClickException(
            f"{folder} must be new or an empty folder, since nothing is overwritten. "
            "Choose another NAME or --path."
        )
    network = f"{name}-gru"
    values = {"name": name, "module": module, "network": network}
    values["core"] = __version__
    for source, target in _FILES.items():
        text = (files("velora.cli") / "template" / source).read_text("utf-8")
        path = folder / target.format(module=module)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(values), "utf-8")
        except OSError as error:
            raise click.ClickException(f"{path} cannot be written: {error}") from error
    click.echo(
        f"Made {folder}, a plugin with the network {network!r}. Now, in that folder:\n"
        "  pip install -e '.[test]'\n"
        "  pytest\n"
        f"  velora plugins check {name}"
    )


def _module(name: str) -> str:
    """Returns the module that a distribution is imported as.

    Raises:
        click.BadParameter: the name is no name of a distribution, no module can have
            it, or it is taken.
    """
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        problem = (
            "it must consist of ASCII letters, digits and '-', '_', '.', and start and "
            "end with a letter or digit."
        )
        raise click.BadParameter(f"{problem} Got {name!r}.", param_hint="NAME")
    module = re.sub(r"[-_.]+", "_", name).lower()
    if not module.isidentifier() or keyword.iskeyword(module):
        problem = f"it would be imported as {module!r}, which Python cannot import."
    elif module.replace("_", "-") in {"velora", *OURS}:
        problem = f"{name!r} is a name of Velora's own."
    elif find_spec(module) is not None:
        problem = f"it would be imported as {module!r}, and another module is already."
    else:
        return module
    raise click.BadParameter(f"{problem} Choose another.", param_hint="NAME")
