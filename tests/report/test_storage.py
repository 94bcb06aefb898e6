"""A trace in a file is the trace, and a file is whole or not there."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import make_agent, make_env
from recurrent_agents import TIMED, Ragged, make_model
from traced import KINDS, assert_same, kind

from velora.report import Trace, trace

pytestmark = pytest.mark.usefixtures("toy_networks")


def small() -> Trace:
    model = make_agent()
    return trace(model, model.get_env(), seed=3)


def traces() -> dict[str, Trace]:
    found = {name: trace((m := kind(name)), m.get_env(), seed=3) for name in KINDS}
    masked = make_agent("MaskablePPO")
    found["masks"] = trace(masked, masked.get_env(), seed=3)
    pair = make_model(policy_kwargs={"network": "test-pair"})
    found["two states"] = trace(pair, pair.get_env(), seed=3)
    options = {"n_neurons": 12, "timespan_key": "dt"}
    timed = make_model(Ragged(TIMED, "box"), policy_kwargs=options)
    found["dict"] = trace(timed, timed.get_env(), seed=3)
    found["no values"] = trace(make_agent("ARS"), make_env("flat", "box"), seed=3)
    filmed = np.zeros((len(found["masks"]), 4, 5, 3), np.uint8)
    found["frames"] = dataclasses.replace(found["masks"], frames=filmed)
    return found


def test_loaded_is_what_was_saved(tmp_path: Path) -> None:
    for name, saved in traces().items():
        saved.save(tmp_path / name)
        assert_same(saved, Trace.load(tmp_path / name))
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()


def test_file_opens_without_pickle(tmp_path: Path) -> None:
    saved = small()
    saved.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["neurons/motor"], saved.neurons["motor"])


def test_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"something longer than nothing")
    saved = small()
    saved.save(path)
    assert_same(saved, Trace.load(os.fspath(path)))


def test_path_that_cannot_be_written_is_told_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    saved = small()
    with pytest.raises(OSError, match="missing"):
        saved.save(tmp_path / "missing" / "a.npz")
    with pytest.raises(IsADirectoryError, match="`path` must name a file"):
        saved.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_only_pickle_could_keep_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"as it was")
    objects = dataclasses.replace(small(), values=np.array([{}] * 10))
    with pytest.raises(ValueError, match="`values` must be an array of numbers"):
        objects.save(path)
    assert path.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_part_of_a_file_is_refused(share: float, tmp_path: Path) -> None:
    small().save(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="has written whole"):
        Trace.load(tmp_path / "b.npz")


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    small().save(tmp_path / "a.npz")
    content = bytearray((tmp_path / "a.npz").read_bytes())
    middle = len(content) // 3
    content[middle : middle + 40] = bytes(40)
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="`path` must name a"):
        Trace.load(tmp_path / "a.npz")


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("was_run",)


def test_other_files_are_refused_and_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("other.npz", a=np.zeros(3))
    np.save("one.npy", np.zeros(3))
    Path("text.npz").write_text("no archive")
    np.savez("evil.npz", **{"velora-trace": np.array([Evil()], dtype=object)})
    for name in ("other.npz", "one.npy", "text.npz", "evil.npz"):
        with pytest.raises(ValueError, match="has written whole"):
            Trace.load(name)
    assert not Path("was_run").exists()
    with pytest.raises(FileNotFoundError):
        Trace.load("missing.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewards": None}, "lacks a part or has one too many"),
        ({"more": np.zeros(10)}, "lacks a part or has one too many"),
        ({"neurons/inter": np.zeros((9, 3))}, "arrays are all of 10 steps"),
        ({"rewards": np.array(1.0)}, "lacks a part or has one too many"),
        ({"neurons": np.zeros(10)}, "lacks a part or has one too many"),
        ({"velora-trace": np.array(2)}, "a trace of version 1; got one of 2"),
    ],
)
def test_trace_with_other_parts_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    small().save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        changed = dict(arrays) | change
    kept = {name: array for name, array in changed.items() if array is not None}
    np.savez(tmp_path / "b.npz", **kept)
    with pytest.raises(ValueError, match=message):
        Trace.load(tmp_path / "b.npz")
