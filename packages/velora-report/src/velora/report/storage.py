"""Arrays by name in an .npz file, without pickle: written whole or not at all."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

from velora.models.storage.regular_file import (
    FilePath,
    open_regular,
    replace_regular,
)

_KIND = "velora-trace"  # an entry of every such file, with the version of its form
_VERSION = 1


def write_arrays(path: FilePath, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays into a file, compressed; one that is there stays until it is done.

    Raises:
        OSError: the file cannot be written; after that all is as before.
        ValueError: an array holds objects, which only pickle could keep.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(
                f"`{name}` must be an array of numbers to be saved; got one of Python "
                "objects. Give the environment a space of numbers."
            )
    content = io.BytesIO()
    np.savez_compressed(content, **{_KIND: np.array(_VERSION)}, **arrays)  # type: ignore[arg-type]  # no name is that of its option
    replace_regular(path, content.getvalue())


def read_arrays(path: FilePath) -> dict[str, np.ndarray]:
    """Reads what `write_arrays` has written. No code can run from a file.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is another one, damaged, or of a newer version.
    """
    with open_regular(path) as file:
        try:
            loaded = np.load(io.BytesIO(file.read()), allow_pickle=False)
            arrays = dict(loaded)  # of one array alone, an error, too
            version = int(arrays.pop(_KIND))
        except (
            EOFError,
            KeyError,
            NotImplementedError,
            TypeError,
            ValueError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise ValueError(
                "`path` must name a file that `Trace.save` has written whole; got "
                f"{path!r} ({type(error).__name__}: {error})."
            ) from error
    if version != _VERSION:
        raise ValueError(
            f"`path` must name a trace of version {_VERSION}; got one of {version}. "
            "Load it with the version of velora-report that wrote it."
        )
    return arrays
