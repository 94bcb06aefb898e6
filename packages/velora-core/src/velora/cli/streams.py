"""The standard streams, which plugins share with the command that loads them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class _Stream:
    """A standard stream as a command has it, to be put back whatever is done to it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.text: Any = getattr(sys, name)  # None where it was closed from the start
        self.number: int | None = None  # none in a test, which replaces the stream
        with contextlib.suppress(AttributeError, OSError, ValueError):
            self.text.flush()
            self.number = self.text.fileno()
        self._copy = None if self.number is None else os.dup(self.number)

    def lead_to(self, other: _Stream) -> None:
        """Sends what is written here to another one, by whatever way it is written."""
        setattr(sys, self._name, other.text)
        if self.number is None:
            return
        if other.number is not None:
            os.dup2(other.number, self.number)
        else:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.number)
            os.close(nowhere)

    @contextlib.contextmanager
    def opened(self) -> Iterator[TextIO | None]:
        """Opens where it has led from the start."""
        if self._copy is None:
            yield self.text
        else:
            with self._open(os.dup(self._copy)) as text:
                yield text

    def put_back(self) -> None:
        """Lets all write where it has led from the start."""
        current: Any = getattr(sys, self._name, None)
        for text in (current, self.text):
            try:
                text.flush()  # to where it leads now
            except KeyboardInterrupt:
                raise
            except BaseException:
                pass  # it may be anything
        if self.number is not None and self._copy is not None:
            os.dup2(self._copy, self.number)
            os.close(self._copy)
            if getattr(self.text, "closed", False):
                self.text = self._open(self.number, closefd=False)
        setattr(sys, self._name, self.text)

    def _open(self, number: int, closefd: bool = True) -> TextIO:
        encoding = getattr(self.text, "encoding", None)
        return open(
            number, "w", encoding=encoding, errors="backslashreplace", closefd=closefd
        )


@contextlib.contextmanager
def own_streams() -> Iterator[None]:
    """Puts the standard streams back after plugins that replace or close them."""
    streams = [_Stream("stdout"), _Stream("stderr")]
    try:
        yield
    finally:
        for stream in streams:
            stream.put_back()


@contextlib.contextmanager
def own_stdout(*, to_the_end: bool = False) -> Iterator[TextIO | None]:
    """Keeps the standard output for a command, and leads all others to stderr.

    That holds for the file descriptor as well, so for subprocesses and C libraries.

    Args:
        to_the_end: Do so until the process ends, since its last threads and what Python
            calls at exit may be of plugins.

    Yields:
        What the command prints to, None where the process has no standard output.
    """
    stdout, stderr = _Stream("stdout"), _Stream("stderr")
    stdout.lead_to(stderr)
    try:
        with stdout.opened() as text:
            yield text
    finally:
        stderr.put_back()
        if to_the_end:
            stdout.lead_to(stderr)
        else:
            stdout.put_back()
