"""`velora report`: an agent's file becomes a page for the browser."""

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


@click.command("report")
@click.argument("agent", type=click.Path(exists=True, dir_okay=False))
@click.option("--env", required=True, help="Name of an environment of gymnasium.")
@click.option("--out", default="report.html", show_default=True, help="What to write.")
@click.option(
    "--episodes",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="How many are played, and by each lesion.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="From which the first episode starts.",
)
@click.option(
    "--vec-normalize",
    type=click.Path(exists=True, dir_okay=False),
    help="Statistics that VecNormalize has saved; a pickle, so only of who you trust.",
)
@click.option("--no-lesions", is_flag=True, help="Silence no neurons: much faster.")
@click.option("--no-frames", is_flag=True, help="Make no film.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that play lesions.",
)
@click.option("--algo", help="The algorithm, such as PPO, where it is not found.")
def report_command(
    agent: str,
    env: str,
    out: str,
    episodes: int,
    seed: int,
    vec_normalize: str | None,
    no_lesions: bool,
    no_frames: bool,
    jobs: int,
    algo: str | None,
) -> None:
    """Show an agent in one file for the browser.

    AGENT is what `model.save` of Stable-Baselines3 has written. Like any such file it
    can run code when it is loaded: open only what you trust.

    The page has the episode as a film beside the wiring, neurons over time, the paths
    that led to each action, lesions, time constants and gates.
    """
    from gymnasium.error import Error  # on use, as all that is heavy

    from velora.report import report
    from velora.report.loading import load_agent, normalise

    what = "an episode" if episodes == 1 else f"{episodes} episodes"
    click.echo(f"Playing {what} of {env}.", err=True)
    try:
        model = load_agent(agent, algo)
        if vec_normalize is not None:
            normalise(model, vec_normalize, env)
        done = report(
            model,
            env,
            out,
            n_episodes=episodes,
            seed=seed,
            frames=not no_frames,
            lesions=not no_lesions,
            jobs=jobs,
            progress_bar=not no_lesions,
        )
    except (*_ERRORS, Error) as error:
        raise click.ClickException(_words(error)) from error
    for note in done.notes:
        click.echo(note, err=True)
    click.echo(f"Wrote {out} ({done.n_bytes / 1e6:.2g} MB).")


def _words(error: Exception) -> str:
    # A KeyError writes its message as a string of Python.
    said = error.args[0] if isinstance(error, KeyError) and error.args else error
    return str(said).removeprefix("Error: ")
