"""The hooks that a plugin may implement.

A plugin marks its functions with `velora.plugins.hookimpl`, gives them the name and the
arguments of a hook below (it may leave arguments out), and names the module or object
that holds them in the entry-point group ``velora``.

A hook does its work when it is called, in the thread that calls it: an async function
or a generator, which nobody runs, breaks its plugin, and while plugins are loaded no
other thread can add. What is added to a registry later is the running program's.

The register hooks are called once, when the first registry is asked for. A registry
function (`velora.plugins.networks` and the like) cannot be called from inside them, nor
by a thread that they wait for: use the ``registry`` they are given. A plugin that needs
more than the first version of this module calls `velora.plugins.require_api` before it
imports anything else.

Whatever a registry takes it also takes as a string, "module:attribute":

    registry.add("acme-ring", "acme.wirings:ring", summary="a ring")

That module is imported when ``entry.build`` is first asked for, so that a plugin costs
nobody the import of what is not used. Where it cannot be imported, or the attribute is
no builder, whoever asked gets a `velora.plugins.PluginError` that names the entry, its
distribution, its entry point and the cause; `velora.plugins.testing.check_plugin` finds
that out before. A string of another form is a ValueError at once.

How hooks change: a hook or an argument that is added raises `API_VERSION`, and plugins
that do not name it are called as before. An argument is never renamed at once. For one
minor version at least both names work, every argument of a register hook being its
registry, and a plugin that names the old one gets a FutureWarning, which shows its file
and line and says what to write instead and when the old name goes:

    @hookspec(warn_on_impl_args={"nets": FutureWarning("...")})
    def velora_register_networks(registry: NetworkRegistry, nets: NetworkRegistry)
"""

from __future__ import annotations

from typing import Any

from velora.plugins.entry import Entry
from velora.plugins.markers import hookspec
from velora.plugins.registry import NetworkRegistry, Registry


@hookspec
def velora_register_wirings(registry: Registry[Entry]) -> None:
    """Register wirings: who is connected to whom.

    Args:
        registry: Call ``registry.add(name, build, summary=...)``. ``build`` is called
            as ``build(in_features, n_neurons, out_features, *, sparsity_level=0.5,
            seed=None)`` and returns an object with ``masks`` and ``counts``, as
            `velora.wiring.Connectome` has them.
    """


@hookspec
def velora_register_networks(registry: NetworkRegistry) -> None:
    """Register networks, which every policy of Velora can then use by name.

    Args:
        registry: Call ``registry.add(name, build, recurrent=..., summary=...)``.
            ``build`` is called as ``build(in_features, out_features, *, device=None,
            **options)`` and returns a ``torch.nn.Module``. A recurrent network offers
            ``forward_sequence`` and ``initial_state(batch_size)``.
    """


@hookspec
def velora_register_policies(registry: Registry[Entry]) -> None:
    """Register policies for Stable-Baselines3.

    Args:
        registry: Call ``registry.add(name, policy_class, summary=...)`` with a subclass
            of ``stable_baselines3.common.policies.BasePolicy``.
    """


@hookspec
def velora_register_extractors(registry: Registry[Entry]) -> None:
    """Register features extractors for Stable-Baselines3.

    Args:
        registry: Call ``registry.add(name, extractor_class, summary=...)`` with a
            subclass of
            ``stable_baselines3.common.torch_layers.BaseFeaturesExtractor``.
    """


@hookspec
def velora_register_commands(registry: Registry[Entry]) -> None:
    """Register subcommands of the ``velora`` command.

    Args:
        registry: Call ``registry.add(name, command, summary=...)`` with a
            ``click.Command``; ``velora <name>`` then runs it. The built-in commands
            keep their names. The summary is its help where it has none.
    """


@hookspec
def velora_register_facts(registry: Registry[Entry]) -> None:
    """Register facts: what ``velora info`` tells of this installation.

    Args:
        registry: Call ``registry.add(name, tell, summary=...)``. ``tell()`` returns one
            line of text, such as "off: numba is not installed". It is called by
            ``velora info`` alone. What it raises is shown in its place.
    """


@hookspec
def velora_register_checks(registry: Registry[Entry]) -> None:
    """Register checks: what `velora.plugins.testing.check_plugin` finds entries by.

    Args:
        registry: Call ``registry.add(kind, check, summary=...)``, where ``kind`` is
            "wiring", "network", "policy", "extractor", "command" or "fact".
            ``check(entry)`` gets a `velora.plugins.Entry` of that kind and raises a
            `velora.plugins.testing.CheckError` with everything that is wrong with it.
    """


@hookspec(firstresult=True)
def velora_resolve_device(device: str) -> Any:
    """Choose the device that `velora.utils.set_device` returns.

    The plugin that was loaded last is asked first; ``hookimpl(tryfirst=True)`` goes
    before it. The first answer that is not None wins. An implementation that raises, or
    that answers with something that is no device, is skipped with a warning. Wrappers
    are not called.

    Args:
        device: The device that was asked for, as a string: "auto", "cuda:1", or a name
            that only the plugin knows.

    Returns:
        Something that ``torch.device`` accepts, which is used as it is, or None to
        leave the choice to the next plugin and then to Velora.
    """
