"""A report lists everything that is wrong, one a line, and hides nothing."""

from __future__ import annotations

import pickle

import pytest

from velora.plugins.testing import CheckError, Report, RuleError


def test_report_without_failures_raises_nothing() -> None:
    report = Report("network acme")
    with report.rule("fine"):
        pass
    report.raise_failures()
    assert report.failures == []


def test_report_raises_every_failure_in_order() -> None:
    report = Report("network acme")
    report.fail("size", "`n` must be 3; got 4.")
    with report.rule("dtype"):
        raise ValueError("no float64")
    with report.rule("silent"):
        raise KeyError
    with report.rule("device"):
        raise SystemExit(3)
    with pytest.raises(CheckError) as caught:
        report.raise_failures()
    assert caught.value.subject == "network acme"
    assert caught.value.failures == (
        "size: `n` must be 3; got 4.",
        "dtype: ValueError: no float64",
        "silent: KeyError",
        "device: SystemExit: 3",
    )
    assert str(caught.value).splitlines() == [
        "network acme is not right:",
        "- size: `n` must be 3; got 4.",
        "- dtype: ValueError: no float64",
        "- silent: KeyError",
        "- device: SystemExit: 3",
    ]
    assert isinstance(caught.value, AssertionError)


def test_report_takes_over_the_failures_of_a_check_one_by_one() -> None:
    inner = Report("network acme")
    inner.fail("size", "wrong")
    inner.fail("dtype", "wrong too")
    outer = Report("acme_velora")
    with outer.rule("network acme"):
        inner.raise_failures()
    assert outer.failures == [
        "network acme: size: wrong",
        "network acme: dtype: wrong too",
    ]


def test_error_whose_message_says_all_is_told_without_its_class() -> None:
    class Refused(RuleError):
        """As a kit makes one of its own."""

    report = Report("acme")
    with report.rule("called"):
        raise Refused("calling it raised\nValueError: no")
    assert report.failures == ["called: calling it raised ValueError: no"]
    with pytest.raises(CheckError) as caught:
        report.raise_failures()
    assert isinstance(caught.value.__cause__, Refused)


def test_failure_of_several_lines_is_told_in_one() -> None:
    report = Report("acme")
    with report.rule("load"):
        raise RuntimeError("size mismatch:\n\tcopying   (3,)\n")
    assert report.failures == ["load: RuntimeError: size mismatch: copying (3,)"]


def test_first_exception_is_the_cause_for_its_traceback() -> None:
    report = Report("acme")
    first = ValueError("first")
    for error in (first, ValueError("second")):
        with report.rule("rule"):
            raise error
    with pytest.raises(CheckError) as caught:
        report.raise_failures()
    assert caught.value.__cause__ is first


def test_interrupt_is_not_a_failure() -> None:
    report = Report("acme")
    with pytest.raises(KeyboardInterrupt), report.rule("rule"):
        raise KeyboardInterrupt
    assert report.failures == []


def test_error_survives_pickle() -> None:
    error = CheckError("acme", ("one: a", "two: b"))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.subject, copy.failures) == (
        str(error),
        "acme",
        ("one: a", "two: b"),
    )
