"""What the author of a plugin calls in a test: is the plugin right, as a whole?

    from velora.plugins.testing import check_plugin

    def test_plugin_is_right():
        check_plugin("acme_velora")

Kits for more than the plugin's form, such as `velora.models.testing`, report with the
same `Report` and `CheckError`, so that an author reads all that is wrong at once.
"""

from velora.plugins.testing.check import Checked, check_plugin
from velora.plugins.testing.report import CheckError, Report, RuleError

__all__ = ["CheckError", "Checked", "Report", "RuleError", "check_plugin"]
