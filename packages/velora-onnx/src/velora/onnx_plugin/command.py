"""`velora export`: an agent's file becomes one of ONNX."""

from __future__ import annotations

import click

from velora.plugins import PluginError

_ERRORS = (
    ImportError,
    LookupError,
    OSError,
    PluginError,
    RuntimeError,
    TypeError,
    ValueError,
)


@click.command("export")
@click.argument("agent", type=click.Path(exists=True, dir_okay=False))
@click.argument("out", type=click.Path(dir_okay=False))
@click.option(
    "--vec-normalize",
    type=click.Path(exists=True, dir_okay=False),
    help="Statistics that VecNormalize has saved; a pickle, so only of who you trust.",
)
@click.option("--algo", help="The algorithm, such as PPO, where it is not found.")
def export_command(
    agent: str, out: str, vec_normalize: str | None, algo: str | None
) -> None:
    """Write an agent or a network into an ONNX file.

    AGENT is what `model.save` of Stable-Baselines3 has written, or `save_network` of
    `velora.models`. The former can run code when it is loaded: open only what you
    trust. OUT is acted with by `velora.onnx.OnnxAgent`, or by any runtime of ONNX.

    The file is written if it does what the agent does, up to 1e-5. It needs
    `pip install 'velora-onnx[export]'`.
    """
    try:
        from velora.onnx.exporting import check_installed, export  # on use: heavy

        check_installed()
        from velora.onnx.exporter.loading import load

        done = export(load(agent, algo), out, vec_normalize=vec_normalize)
    except _ERRORS as error:
        raise click.ClickException(_words(error)) from error
    click.echo(
        f"Wrote {out} ({done.n_bytes / 1e6:.2g} MB), {done.difference:.1g} from the "
        f"model at most in {done.n_steps} steps."
    )


def _words(error: Exception) -> str:
    # A KeyError writes its message as a string of Python.
    said = error.args[0] if isinstance(error, KeyError) and error.args else error
    return str(said).removeprefix("Error: ")
