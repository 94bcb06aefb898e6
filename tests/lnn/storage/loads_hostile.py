"""Loads files that claim much and name what is not theirs.

It prints a JSON object: the megabytes that it took beyond those of the first load, what
was imported, unpickled or run, and how many files were tried and refused.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn

from velora.models import NCPNetwork, load_network, save_network
from velora.plugins import networks

RUN = ("pickle.find_class", "exec", "os.system", "os.exec", "os.fork", "ctypes.dlopen")
BIG = (10**6, 10**9, 2**31, 2**62, 10**400)


class Dense(nn.Module):
    """A network of any width."""

    def __init__(
        self, in_features: int, out_features: int, *, device: Any = None, width: int = 5
    ) -> None:
        super().__init__()
        self.inner = nn.Linear(in_features, width, device=device)
        self.outer = nn.Linear(width, out_features, device=device)


def peak() -> float:
    """Returns the most megabytes that this process has held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def split(data: bytes) -> tuple[Any, bytes]:
    """Returns the header of a file's content, and its numbers."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: Any, numbers: bytes) -> bytes:
    """Returns the content of a file."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def hostile(data: bytes) -> Iterator[bytes]:
    """Yields contents that claim sizes, or name code, from a whole one."""
    header, numbers = split(data)
    for name in set(header) - {"__metadata__"}:
        for size in BIG:
            for shape in ([size, size], [size], [0, size]):
                end = 0 if shape[0] == 0 else header[name]["data_offsets"][1]
                other = header[name] | {"shape": shape}
                yield joined(header | {name: other}, numbers)
                other = other | {"data_offsets": [0, end]}
                yield joined(header | {name: other}, numbers)
    entries = json.loads(header["__metadata__"]["velora"])
    sizes = ("in_features", "out_features", "n_neurons", "width")
    for size in BIG:
        for key in sizes:
            options = entries["options"] | {key: size}
            for other in (entries | {key: size}, entries | {"options": options}):
                metadata = {"velora": json.dumps(other)}
                yield joined(header | {"__metadata__": metadata}, numbers)
        counts = dict.fromkeys(("sensory", "inter", "command", "motor"), size)
        other = entries | {"wiring": {"counts": counts, "sparsity_level": None}}
        other["options"] = entries["options"] | {"sparsity_level": None}
        metadata = {"velora": json.dumps(other)}
        yield joined(header | {"__metadata__": metadata}, numbers)
    for name in ("evil", "evil:run", "os:system", "builtins.eval", "ncp", "liquid"):
        options = {"n_neurons": 10**5, "width": 10**5}
        other = {"version": 2, "network": name, "distribution": "evil"}
        other |= {"in_features": 10**5, "out_features": 10**5, "options": options}
        for wrong in (other, entries | {"class": name}, entries | {"network": name}):
            metadata = {"velora": json.dumps(wrong)}
            yield joined(header | {"__metadata__": metadata}, numbers)
    yield struct.pack("<Q", 2**63) + data[8:]
    yield joined(b"[" * 9_000_000, b"")
    yield joined(b'{"a":' * 1_000_000, b"")
    yield joined(b" " * 50_000_000, b"")


def is_refused(path: Path) -> bool:
    """Whether a file is refused by an error that is documented."""
    try:
        load_network(path)
    except (OSError, ValueError):
        return True
    return False


def main(folder: Path) -> None:
    """Loads all of them, and one that is all holes."""
    sys.path.insert(0, str(folder))
    (folder / "evil.py").write_text("raise SystemExit('imported')")
    networks().add("dense", Dense)
    whole = []
    path = folder / "network"
    for network, name in ((NCPNetwork(4, 12, 3), None), (Dense(4, 3), "dense")):
        save_network(network, path, name=name, in_features=4, out_features=3)
        load_network(path)
        whole.append(path.read_bytes())
    happened: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in RUN or (event == "import" and "evil" in str(arguments[0])):
            happened.append(f"{event} {arguments}"[:200])

    sys.addaudithook(watch)
    before = peak()
    tried = refused = 0
    for data in (content for start in whole for content in hostile(start)):
        path.write_bytes(data)
        tried += 1
        refused += is_refused(path)
    path.write_bytes(whole[0])
    os.truncate(path, 4_000_000_000)
    refused += is_refused(path)
    print(
        json.dumps(
            {
                "megabytes": peak() - before,
                "ran": happened,
                "tried": tried + 1,
                "refused": refused,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
