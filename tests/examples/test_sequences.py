"""The benchmark of sequences: its tasks are what they say, and so are its runs."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("rich")

from common import walker
from common.runner import differences
from common.sequence_rows import MAKE, MISSING
from common.sequence_tasks import DELAY, SHOWN, STEPS, SYMBOLS, TASKS, Sequences
from common.sequence_training import SequenceJob, train
from sequences import summarise

JOB = SequenceJob("sines", "gated-leaky", 0, 0.01, 2, scale=0.01)


def recordings(folder: Path, rollouts: int = 24) -> Path:
    """Writes rollouts whose sensors show the rollout and the frame."""
    seen = np.zeros((rollouts, walker.FRAMES, 17), np.float32)
    seen[:, :, 0] = np.arange(rollouts)[:, None]
    seen[:, :, 1:] = np.arange(walker.FRAMES)[None, :, None]
    memory = io.BytesIO()
    np.save(memory, seen)
    checksum = hashlib.sha256(memory.getvalue()).hexdigest()[:16]
    file = folder / f"some-{checksum}.npy"
    file.write_bytes(memory.getvalue())
    return file


def test_copy_asks_for_what_was_shown_a_hundred_steps_before() -> None:
    for part in TASKS["copy"].make(None, 0.02):
        shown = part.x[:, :SHOWN, :SYMBOLS].argmax(-1)
        assert torch.equal(shown, part.y)
        assert not part.x[:, SHOWN:DELAY].any()
        assert (part.x[:, DELAY:, SYMBOLS] == 1).all()
        assert part.x.shape[1] == DELAY + SHOWN
        right = torch.zeros(*part.x.shape[:2], SYMBOLS)
        right[:, -SHOWN:] = part.x[:, :SHOWN, :SYMBOLS]
        assert part.error(right) == 0
        assert part.error(right.roll(1, -1)) == 1


def test_sines_ask_for_the_next_value_after_the_time_that_they_give() -> None:
    for part in TASKS["sines"].make(None, 0.02):
        assert torch.equal(part.x[:, 1:], part.y[:, :-1])
        assert part.times.min() >= 0.09
        assert part.times.max() <= 1.91
        assert part.times.std() > 0.3


def test_a_walkers_time_counts_the_frames_to_the_next_one(tmp_path: Path) -> None:
    parts = TASKS["Walker2d"].make(recordings(tmp_path), 1.0)
    per_frame = (parts[0].y - parts[0].x)[..., 1] / parts[0].times
    torch.testing.assert_close(per_frame, per_frame[:1, :1].expand_as(per_frame))
    assert 0.08 < float((parts[0].times > 1).float().mean()) < 0.12
    for part in parts:
        assert part.x.shape[1:] == (STEPS, 17)
        assert torch.equal(part.x[:, 1:], part.y[:, :-1])


def test_a_rollout_is_for_one_part_alone(tmp_path: Path) -> None:
    parts = TASKS["Walker2d"].make(recordings(tmp_path), 1.0)
    rollouts = [set(part.x[..., 0].unique().tolist()) for part in parts]
    assert sum(map(len, rollouts)) == len(set.union(*rollouts)) == 24
    assert [2 * len(of_part) for of_part in rollouts] == [len(p.x) for p in parts]


@pytest.mark.parametrize("name", list(TASKS))
def test_tasks_are_the_same_each_time_and_their_parts_are_not(
    name: str, tmp_path: Path
) -> None:
    file = recordings(tmp_path)
    one, other = (TASKS[name].make(file, 0.05) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a.x, b.x)
        assert torch.equal(a.times, b.times)
        assert torch.equal(a.y, b.y)
    assert not torch.equal(one[1].y[:2], one[2].y[:2])


def test_recordings_that_have_changed_are_refused(tmp_path: Path) -> None:
    file = recordings(tmp_path)
    assert walker.load(file).shape == (24, walker.FRAMES, 17)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="must have the checksum in its name"):
        walker.load(file)


@pytest.mark.skipif(
    bool(TASKS["Walker2d"].missing), reason=TASKS["Walker2d"].missing or "it is here"
)
def test_recordings_are_made_once(tmp_path: Path) -> None:
    file = walker.recorded(tmp_path / "cache", 0.01)
    made = file.stat().st_mtime_ns
    seen = walker.load(file)
    assert seen.shape == (4 * walker.SIDE_BY_SIDE, walker.FRAMES, 17)
    assert len(np.unique(seen[:, -1], axis=0)) == len(seen)
    assert walker.recorded(tmp_path / "cache", 0.01) == file
    assert file.stat().st_mtime_ns == made
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("name", [name for name in MAKE if name not in MISSING])
@pytest.mark.parametrize("task", list(TASKS))
def test_rows_answer_each_step_and_know_the_time(task: str, name: str) -> None:
    inputs, outputs = TASKS[task].inputs, TASKS[task].outputs
    torch.manual_seed(0)
    model = MAKE[name](inputs, outputs).eval()
    x, times = torch.randn(2, 5, inputs), torch.rand(2, 5) + 0.5
    y = model(x, times)
    assert y.shape == (2, 5, outputs)
    later = model(x, torch.cat((times[:, :4], times[:, 4:] + 1), 1))
    torch.testing.assert_close(later[:, :4], y[:, :4])
    assert (later[:, 4] - y[:, 4]).abs().max() > 1e-6


def test_a_slow_lstm_forgets_as_slowly_as_it_says() -> None:
    """With nothing seen, the gates of a step are their biases alone."""
    model = MAKE["LSTM, slow"](1, 1)
    kept = (model.module.bias_ih_l0 + model.module.bias_hh_l0)[64:128].sigmoid()
    assert 0.5 <= kept.min() < 0.98
    assert 0.98 < kept.max() <= 1 - 1 / 102
    taken = (model.module.bias_ih_l0 + model.module.bias_hh_l0)[:64].sigmoid()
    torch.testing.assert_close(taken, 1 - kept)


def test_a_run_tests_its_best_epoch() -> None:
    job = replace(JOB, rate=0.3, epochs=4)  # which gets worse in between
    found = train(job)
    assert found["validation"] == min(found["curve"])
    assert found["best epoch"] == 1 + found["curve"].index(found["validation"])
    assert found["best epoch"] < found["epochs"] == 4
    first = train(replace(job, epochs=found["best epoch"]))
    assert first["test"] == found["test"]


def test_a_run_ends_after_its_minutes() -> None:
    assert train(replace(JOB, epochs=1000, minutes=1e-9))["epochs"] == 1


def test_every_setting_makes_another_key_but_where_the_file_is(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "task": "copy",
        "row": "CfC",
        "seed": 1,
        "rate": 0.02,
        "epochs": 3,
        "minutes": 1.0,
        "scale": 0.5,
        "file": tmp_path / "a.npy",
    }
    assert changes.keys() == {field.name for field in fields(SequenceJob)}
    for name, value in changes.items():
        (difference,) = differences(JOB.key, replace(JOB, **{name: value}).key)
        assert difference.startswith(f"{name} was ")
    there, elsewhere = (replace(JOB, file=tmp_path / at / "a.npy") for at in "bc")
    assert there.key == elsewhere.key


def test_the_table_takes_the_rate_that_validates_best() -> None:
    def run(rate: float, seed: int, validation: float, test: float) -> dict[str, Any]:
        sizes = {"parameters": 9, "active": 7, "s/epoch": 1.0}
        at = {"task": "copy", "row": "LSTM", "best epoch": 2, "epochs": 3}
        found = {"rate": rate, "seed": seed, "validation": validation, "test": test}
        return at | found | sizes

    runs = [run(0.1, 0, 0.2, 0.1), run(0.1, 1, 0.4, 0.1)]
    runs += [run(0.2, 0, 0.25, 0.5), run(0.2, 1, 0.25, 0.7)]
    (line,) = summarise(runs)
    assert line["rate"] == 0.2
    assert line["accuracy"] == pytest.approx(0.4)
    assert line["seeds"] == "0.5 0.3"


def test_an_error_is_of_the_last_steps_alone() -> None:
    y = torch.ones(2, 3, 1)
    part = Sequences(torch.zeros(2, 5, 1), torch.ones(2, 5), y)
    said = torch.cat((torch.full((2, 2, 1), 9.0), y + 2), 1)
    assert part.error(said) == 4
    assert float(part.loss(said, torch.tensor([0, 1]))) == 4
