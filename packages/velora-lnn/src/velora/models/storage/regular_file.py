"""Files on disk: one is read as it was at one moment, and replaced as a whole."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO
from uuid import uuid4

FilePath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_KINDS = {
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}
# A name of Windows alone, where bytes are changed without it.
_BINARY = getattr(os, "O_BINARY", 0)


@contextmanager
def open_regular(path: FilePath) -> Iterator[BinaryIO]:
    """Opens a file for reading; what replaces it later does not reach the reader.

    Raises:
        OSError: there is none, it cannot be read, it is no regular file (a named pipe
            is not waited for), or it is larger than the memory of this machine.
    """
    with open(os.fspath(path), "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        _require_regular(status, path)
        memory = _memory()
        if memory is not None and status.st_size > memory:
            raise OSError(
                f"`path` must name a file that fits into memory, {memory} bytes; got "
                f"{path!r} of {status.st_size} bytes."
            )
        yield file


def replace_regular(path: FilePath, content: bytes) -> None:
    """Puts a file in the place of another, which is there until the new one is on disk.

    The mode, the owner and the group of the other are kept where the system permits
    it; a new file has the mode that the umask gives it. Of a symbolic link the target
    is replaced. After an error all is as before.

    Raises:
        OSError: the file cannot be written, or what is there is no regular file;
            IsADirectoryError if it is a directory.
    """
    target = os.path.realpath(os.fsdecode(path))
    before = None
    with suppress(FileNotFoundError):
        before = os.stat(target)
    if before is not None:
        _require_regular(before, path)
    folder = os.path.dirname(target)
    unfinished = os.path.join(folder, f"{uuid4().hex}.tmp")
    # Nobody reads what is private before it has its mode.
    mode = 0o666 if before is None else 0o600
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
    try:
        try:
            descriptor = os.open(unfinished, flags, mode)
        except OSError as error:  # which names a file that nobody asked for
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if before is not None:
                _keep_access(descriptor, before)
            os.fsync(descriptor)
        os.replace(unfinished, target)
    finally:
        with suppress(OSError):
            os.unlink(unfinished)
    _sync_folder(folder)


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file; a named pipe that nobody writes into at once, too."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _require_regular(status: os.stat_result, path: FilePath) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"`path` must name a file; got the directory {path!r}.")
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "special file")
        raise OSError(f"`path` must name a regular file; got the {kind} {path!r}.")


def _keep_access(descriptor: int, before: os.stat_result) -> None:
    """Gives a file the owner and the mode of the one before it."""
    if sys.platform == "win32":
        return  # neither is of the file there
    # Who may not give a file away may still belong to its group.
    for owner in (before.st_uid, -1):
        with suppress(OSError):
            os.fchown(descriptor, owner, before.st_gid)
            break
    with suppress(OSError):
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & 0o777)


def _sync_folder(folder: str) -> None:
    """Sees that the name of a file is on disk, where the system can say so."""
    if sys.platform == "win32":
        return  # folders cannot be opened there
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # a folder that can be written into, but not listed
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _memory() -> int | None:
    """Returns the bytes of memory of this machine, None where it does not tell."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    return memory if memory > 0 else None
