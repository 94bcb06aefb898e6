"""What a check finds wrong: recorded rule by rule, raised all at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from velora.plugins.failure import cause, message
from velora.plugins.printable import one_line


class CheckError(AssertionError):
    """Something breaks rules; the message lists every one, one a line.

    Attributes:
        subject: What breaks them, such as "network acme-gru".
        failures: What is wrong, each in one line.
    """

    def __init__(self, subject: str, failures: tuple[str, ...]) -> None:
        super().__init__(subject, failures)
        self.subject = subject
        self.failures = failures

    def __str__(self) -> str:
        """Return the subject and the failures, one a line."""
        return "\n- ".join([f"{self.subject} is not right:", *self.failures])


class RuleError(Exception):
    """A rule is broken; the message says all, so a report leaves out the class."""


class Report:
    """Collects what is wrong with a subject, so that no failure hides another.

    Args:
        subject: What is checked, such as "network acme-gru".

    Attributes:
        subject: The same, printable.
        failures: What was found so far, each in one printable line.
    """

    def __init__(self, subject: str) -> None:
        self.subject = one_line(subject)
        self.failures: list[str] = []
        self._first: BaseException | None = None

    def fail(self, rule: str, message: str) -> None:
        """Records that a rule is broken, and how."""
        self.failures.append(one_line(f"{rule}: {message}"))

    @contextmanager
    def rule(self, rule: str) -> Iterator[None]:
        """Records what is raised inside as a failure of a rule, and goes on after it.

        A KeyboardInterrupt is none. The failures of a `CheckError` are taken over one
        by one, and a `RuleError` is told by its message alone.
        """
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._first = error if self._first is None else self._first
            for failure in _told(error):
                self.fail(rule, failure)

    def raise_failures(self) -> None:
        """Raises all that was recorded, if anything was.

        Raises:
            CheckError: It names the subject and lists the failures; its cause is the
                first exception that a rule recorded, for its traceback.
        """
        if self.failures:
            raise CheckError(self.subject, tuple(self.failures)) from self._first


def _told(error: BaseException) -> list[str]:
    """Says what is wrong, each in a sentence, whatever a class of a plugin does."""
    kind = type(error)
    try:
        failures: Any = getattr(error, "failures", ())
        told = [f"{each}" for each in failures] if issubclass(kind, CheckError) else []
    except KeyboardInterrupt:
        raise
    except BaseException as second:
        told = [cause(second)]
    return told or [message(error) if issubclass(kind, RuleError) else cause(error)]
