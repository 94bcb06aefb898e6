"""Safetensors: tensors by name, and one entry of JSON that says what they are."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from velora.models.storage.refusal import first_line, require

# Bytes. JSON takes some fifty times as many in memory, before anything is checked.
_LONGEST_HEADER = 10_000_000
_ENTRY = "velora"


def pack(description: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> bytes:
    """Returns the content of a file.

    Args:
        description: what the tensors are, in what JSON has.
        tensors: by name, on any device.

    Raises:
        ValueError: safetensors has no such dtype or layout, or the header is too long.
    """
    # Copies: safetensors refuses parameters that are tied.
    data = {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    try:
        content = save(data, {_ENTRY: json.dumps(description)})
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        dtypes = sorted({str(value.dtype) for value in data.values()})
        raise ValueError(
            "all tensors must be of a name, a dtype and a layout that safetensors has; "
            f"got {dtypes}: {type(error).__name__}: {first_line(error)}."
        ) from error
    (length,) = struct.unpack("<Q", content[:8])
    require(
        length <= _LONGEST_HEADER,
        f"names, shapes and options must take at most {_LONGEST_HEADER} bytes",
        length,
    )
    return content


def unpack(file: BinaryIO) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Reads the description and the tensors, on the CPU.

    The header is looked at before the numbers are read.

    Raises:
        OSError: the file cannot be read, or memory is short.
        Exception: its content is anything else than what `pack` returns.
    """
    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    require(len(start) == 8, "a file must have at least 8 bytes", start)
    (length,) = struct.unpack("<Q", start)
    longest = min(_LONGEST_HEADER, size - 8)
    require(length <= longest, f"the header must be of {longest} bytes or less", length)
    start += file.read(length)
    header = json.loads(start[8:].decode(), object_pairs_hook=_without_repetition)
    require(isinstance(header, dict), "the header must be a JSON object", header)
    description = _description(header.pop("__metadata__", {}))
    ends = [tensor["data_offsets"][1] for tensor in header.values()]
    end = 8 + length + max(ends, default=0)
    require(end == size, f"a file of this header must be of {end} bytes", size)
    try:
        file.seek(0)
        content = file.read(size)
        require(
            content.startswith(start), "a file must stay as it is", "another header"
        )
        with torch.device("cpu"):  # safetensors makes empty tensors on the default one
            tensors = load(content)
    except MemoryError as error:
        raise OSError(f"A file of {size} bytes must fit into memory.") from error
    for name, value in tensors.items():
        # PyTorch takes every byte for a bool, and computes with it as it is.
        if value.dtype == torch.bool:
            most = int(value.view(torch.uint8).max()) if value.numel() else 0
            require(most < 2, f"the booleans of {name!r} must be 0 or 1", most)
    return description, tensors


def _description(metadata: Any) -> dict[str, Any]:
    require(
        isinstance(metadata, dict) and _ENTRY in metadata,
        f"the header must have an entry {_ENTRY!r}",
        list(metadata),
    )
    description = json.loads(metadata[_ENTRY], object_pairs_hook=_without_repetition)
    require(
        isinstance(description, dict),
        f"{_ENTRY!r} must be a JSON object",
        description,
    )
    return dict(description)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Makes a JSON object, no key of which may overwrite another."""
    made = dict(pairs)
    require(
        len(made) == len(pairs), "a key must be there once", [key for key, _ in pairs]
    )
    return made
