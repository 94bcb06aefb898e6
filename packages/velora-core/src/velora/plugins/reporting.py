"""Reports of what is wrong with plugins: warnings, or errors where that is strict."""

from __future__ import annotations

import warnings

from velora.plugins.environment_variables import is_strict
from velora.plugins.failure import cause
from velora.plugins.info import PluginError
from velora.plugins.loading import is_diagnosis


class Reporting:
    """Reports as the program wants it at the time this is made.

    A plugin that is loaded may change the filters of warnings, the environment and the
    standard streams. It does not decide with them what becomes of a report.
    """

    def __init__(self) -> None:
        self._is_strict = is_strict() and not is_diagnosis()
        self._filters = warnings.filters[:]

    def failure(self, what: str, error: BaseException) -> None:
        """Reports what a plugin raised.

        Raises:
            PluginError: Plugins are strict; what was raised is its cause.
            RuntimeWarning: The program's filters make an error of it.
        """
        self._report(f"{what}: {cause(error)}", error)

    def problem(self, message: str) -> None:
        """Reports what is said in full, as `failure` does."""
        self._report(message, None)

    def _report(self, message: str, error: BaseException | None) -> None:
        if self._is_strict:
            raise PluginError(message) from error
        warning = RuntimeWarning(message)
        try:
            if warnings.filters == self._filters:
                warnings.warn(warning, stacklevel=3)
            else:
                with warnings.catch_warnings():
                    warnings.filters = self._filters
                    warnings.warn(warning, stacklevel=3)
        except KeyboardInterrupt:
            raise
        except BaseException as raised:
            if raised is warning:
                raise
            # What a plugin has put in the place of a stream failed to show it.
