"""What a check finds wrong: recorded rule by rule, raised all at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from velora.plugins.failure import FAILURES, cause


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
        failures: What was found so far, each in one line.
    """

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.failures: list[str] = []
        self._first: BaseException | None = None

    def fail(self, rule: str, message: str) -> None:
        """Records that a rule is broken, and how."""
        self.failures.append(" ".join(f"{rule}: {message}".split()))

    @contextmanager
    def rule(self, rule: str) -> Iterator[None]:
        """Records what is raised inside as a failure of a rule, and goes on after it.

        The failures of a `CheckError` are taken over one by one, and a `RuleError` is
        told by its message alone.
        """
        try:
            yield
        except CheckError as error:
            self._first = self._first or error
            for failure in error.failures:
                self.fail(rule, failure)
        except FAILURES as error:
            self._first = self._first or error
            is_told = isinstance(error, RuleError)
            self.fail(rule, str(error) if is_told else cause(error))

    def raise_failures(self) -> None:
        """Raises all that was recorded, if anything was.

        Raises:
            CheckError: It names the subject and lists the failures; its cause is the
                first exception that a rule recorded, for its traceback.
        """
        if self.failures:
            raise CheckError(self.subject, tuple(self.failures)) from self._first
