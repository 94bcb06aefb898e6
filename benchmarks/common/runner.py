"""A resumable runner: a process for each run, and each row in the file at once.

A row of the file holds its job's label ("task", "policy", "seed"), what `train` has
returned, and the job's key. A job whose key is in the file is not trained again. Rows
with its label and another key are left out, which is said with the reason, and stay in
the file. Ctrl-C ends the runs and leaves the file whole.

One process at a time should write a file. Two leave it whole, and each keeps what the
other has written; but where both write at the same instant the row of one may be lost,
and is trained again the next time.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

import click
from rich.progress import track

from common.table import write_json

Row = dict[str, Any]
ABSENT = object()


class Job(Protocol):
    """A run to make, as plain data that another process can be sent."""

    @property
    def label(self) -> Row:
        """Which row of the table it is, and which seed."""

    @property
    def key(self) -> Row:
        """All that its result depends on, as JSON has it."""


def run_all(
    train: Callable[[Any], Row], jobs: Sequence[Job], path: Path | None, workers: int
) -> list[Row]:
    """Returns the rows of the jobs, in their order, without those that failed.

    Args:
        train: A function of a module, called in a process of its own with one thread.
        jobs: What it is called with.
        path: The file, if any.
        workers: Runs at a time.
    """
    keys = [job.key for job in jobs]
    rows = _read(path).get("runs", [])
    found = {n: row for n, key in enumerate(keys) for row in rows if _is(row, key)}
    missing = {n: job for n, job in enumerate(jobs) if n not in found}
    _say_what_is_stale(rows, [(jobs[n].label, keys[n]) for n in missing])
    done = _results(train, missing, workers)
    for n, row, error in track(done, "training", total=len(missing)):
        if error:
            click.echo(f"{jobs[n].label} failed: {error}", err=True)
            continue
        found[n] = jobs[n].label | row | {"key": keys[n]}
        if path:
            _add(path, found[n])
    if lost := len(jobs) - len(found):
        click.echo(f"{lost} of {len(jobs)} runs failed; what they said is above.")
    return [found[n] for n in sorted(found)]


def add_to_file(path: Path | None, **entries: Any) -> None:
    """Writes entries beside the runs of a file, if there is one."""
    if path:
        write_json(path, _read(path) | entries)


def differences(old: Any, new: Any, name: str = "") -> list[str]:
    """Says where a key differs from another."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            line
            for part in sorted(old.keys() | new.keys())
            for line in differences(
                old.get(part, ABSENT),
                new.get(part, ABSENT),
                f"{name}.{part}" if name else part,
            )
        ]
    return [] if old == new else [f"{name} was {_short(old)}, is {_short(new)}"]


def _short(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    return "…" if isinstance(value, Mapping) else repr(value)


def _is(row: Row, key: Row) -> bool:
    return bool(row.get("key") == key)


def _say_what_is_stale(rows: list[Row], missing: list[tuple[Row, Row]]) -> None:
    reasons = Counter(
        "; ".join(differences(row["key"], key)) if "key" in row else "it has no key"
        for label, key in missing
        for row in rows
        if all(row.get(name) == value for name, value in label.items())
    )
    if reasons:
        click.echo(f"Rows left out, and kept in the file: {reasons.total()}.")
    for reason, n in reasons.items():
        click.echo(f"- {n}: {reason}")


def _read(path: Path | None) -> dict[str, Any]:
    if path is None or not path.exists():
        return {}
    try:
        return {**json.loads(path.read_text("utf-8"))}
    except (ValueError, TypeError) as error:
        raise click.ClickException(
            f"{path} must hold the runs of a benchmark as JSON, and cannot be read: "
            f"{error}. Name another file, or move this one away."
        ) from None


def _add(path: Path, row: Row) -> None:
    file = _read(path)  # with what another process has written since
    others = [other for other in file.get("runs", []) if not _is(other, row["key"])]
    write_json(path, file | {"runs": [*others, row]})


def _results(
    train: Callable[[Any], Row], jobs: dict[int, Job], workers: int
) -> Iterator[tuple[int, Row, str]]:
    """Yields the number of each job, and its row or else what went wrong.

    A pool would wait for ever for a process that the system has killed.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(jobs.items())[::-1]
    running: dict[Connection, tuple[int, Any]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                n, job = waiting.pop()
                receiver, sender = context.Pipe(duplex=False)
                arguments = (sender, train, job)
                process = context.Process(target=_work, args=arguments, daemon=True)
                process.start()
                sender.close()  # so that the end of the process ends the pipe
                running[receiver] = n, process
            for receiver in wait(list(running)):
                n, process = running.pop(receiver)
                try:
                    row, error = receiver.recv()
                except EOFError:
                    process.join()
                    row, error = {}, f"its process ended with {process.exitcode}."
                process.join()
                yield n, row, error
    finally:
        for _, process in running.values():
            process.terminate()


def _work(sender: Connection, train: Callable[[Any], Row], job: Job) -> None:
    """Makes one run; Ctrl-C is for the process that waits for it."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    try:
        sender.send((train(job), ""))
    except Exception:  # of whatever is trained: the other runs go on
        sender.send(({}, traceback.format_exc()))
